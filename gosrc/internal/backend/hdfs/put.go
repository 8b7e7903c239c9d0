package hdfs

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func (s *store) Put(ctx context.Context, u uri.URI, data []byte, _ *backend.Attributes) (info backend.Info, err error) {
	err = s.do(ctx, "put", u, func(ses *session) error {
		t, err := ses.target(u)
		if err != nil {
			return err
		}
		name := t.newName()
		stored, err := ses.write(ctx, name, t.mode, content(data))
		if err != nil {
			return err
		}
		if err := ses.publish(t, name); err != nil {
			err = ses.explain(err)
			ses.cluster.remove(ctx, name)
			return err
		}
		info = describe(stored)
		return nil
	})
	return info, err
}
