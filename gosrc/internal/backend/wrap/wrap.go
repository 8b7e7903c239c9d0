// Package wrap puts what applies to every backend around it: the pool of
// endpoints, the retries, the statistics and the op-log.
package wrap

import (
	"context"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap/logged"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap/pool"
	"github.com/s3dlio/s3dlio/gosrc/internal/backend/wrap/retry"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
)

// neverAnswered is how long a store is tried that has not replied even once:
// most likely its address is wrong.
const neverAnswered = 5 * time.Second

// Store is a scheme as its users see it: one Backend for all endpoints of the
// configuration.
type Store struct {
	surface
	pool  *pool.Pool
	retry *retry.Backend // nil for a store without endpoints, where nothing fails in passing
}

// surface is what both layers offer.
type surface interface {
	backend.Backend
	backend.Copier
}

// Open makes the store of a scheme. It does no network I/O.
func Open(ctx context.Context, driver backend.Driver, cfg *config.Config) (*Store, error) {
	var endpoints []string
	if driver.Endpoints != nil {
		var err error
		if endpoints, err = driver.Endpoints(cfg); err != nil {
			return nil, err
		}
	}
	remote := len(endpoints) > 0
	if !remote {
		endpoints = []string{""}
	}
	var stores []backend.Backend
	for _, endpoint := range endpoints {
		store, err := driver.New(ctx, cfg, endpoint)
		if err != nil {
			for _, opened := range stores {
				_ = opened.Close() // err is the failure to report
			}
			return nil, err
		}
		stores = append(stores, logged.New(store, driver.Scheme, endpoint))
	}
	s := &Store{pool: pool.New(cfg.Strategy, endpoints, stores)}
	s.surface = s.pool
	if remote {
		s.retry = retry.New(s.pool, policy(cfg), s.pool.Answered)
		s.surface = s.retry
	}
	return s, nil
}

func policy(cfg *config.Config) retry.Policy {
	known := cfg.RetryTimeout.Duration()
	return retry.Policy{Known: known, Unknown: min(known, neverAnswered), MaxAttempts: cfg.MaxAttempts}
}

// Stats counts what a store has done. Requests are the operations asked for,
// attempts the tries at the endpoints that they took.
type Stats struct {
	Requests     int64        `json:"requests"`
	Attempts     int64        `json:"attempts"`
	Failures     int64        `json:"failures"`
	BytesRead    int64        `json:"bytes_read"`
	BytesWritten int64        `json:"bytes_written"`
	Endpoints    []pool.Stats `json:"endpoints"`
}

// Stats is a snapshot.
func (s *Store) Stats() Stats {
	out := Stats{Requests: s.pool.Calls(), Endpoints: s.pool.Stats()}
	if s.retry != nil {
		out.Requests -= s.retry.Repeats()
	}
	for _, e := range out.Endpoints {
		out.Attempts += e.Attempts
		out.Failures += e.Failures
		out.BytesRead += e.BytesRead
		out.BytesWritten += e.BytesWritten
	}
	return out
}
