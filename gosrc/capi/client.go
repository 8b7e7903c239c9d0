package main

/*
#include "s3dlio.h"
*/
import "C"

import (
	"log/slog"

	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/fetch"
	"github.com/s3dlio/s3dlio/gosrc/internal/guard"
)

var clients = newTable[*fetch.Client]("client")

//export s3d_client_new
func s3d_client_new(text C.s3d_str, client *C.s3d_client, failure *C.s3d_text) C.int32_t {
	return fail(guard.Run("configure", "", func() error {
		cfg, err := config.Parse([]byte(borrowed(text)))
		if err != nil {
			return err
		}
		*client = C.s3d_client(clients.add(fetch.NewClient(cfg)))
		return nil
	}), failure)
}

//export s3d_client_free
func s3d_client_free(client C.s3d_client) {
	if c, ok := clients.remove(uint64(client)); ok {
		if err := guard.Run("close", "", c.Close); err != nil {
			slog.Warn("closing a client", "error", err)
		}
	}
}

//export s3d_client_stats
func s3d_client_stats(client C.s3d_client, stats, failure *C.s3d_text) C.int32_t {
	return fail(guard.Run("stats", "", func() error {
		c, err := clients.get(uint64(client))
		if err != nil {
			return err
		}
		*stats = textJSON(c.Stats())
		return nil
	}), failure)
}
