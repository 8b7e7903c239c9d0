package pool

// Stats is what has happened at an endpoint. An attempt is one try of an
// operation; it has failed where the endpoint or the way to it is to blame.
type Stats struct {
	Endpoint     string `json:"endpoint"`
	Attempts     int64  `json:"attempts"`
	Failures     int64  `json:"failures"`
	BytesRead    int64  `json:"bytes_read"`
	BytesWritten int64  `json:"bytes_written"`
	InFlight     int64  `json:"in_flight"`
	Available    bool   `json:"available"` // false: put aside after failures
}

// Stats reports every endpoint in the order of the configuration.
func (p *Pool) Stats() []Stats {
	out := make([]Stats, len(p.members))
	for i, m := range p.members {
		out[i] = Stats{
			Endpoint:     m.endpoint,
			Attempts:     m.attempts.Load(),
			Failures:     m.failures.Load(),
			BytesRead:    m.read.Load(),
			BytesWritten: m.written.Load(),
			InFlight:     m.inFlight.Load(),
			Available:    !m.resting(),
		}
	}
	return out
}

// Calls is how many operations the pool was asked for.
func (p *Pool) Calls() int64 { return p.calls.Load() }
