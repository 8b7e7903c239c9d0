package hdfs

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// lowSpace is the share of free space that is worth a warning.
const lowSpace = 0.05

// diagnosis collects what is found out.
type diagnosis struct {
	backend.Findings

	cfg *config.Config
	u   uri.URI
}

func diagnose(ctx context.Context, cfg *config.Config, u uri.URI) []backend.Finding {
	d := &diagnosis{cfg: cfg, u: u}
	if s, addresses := d.configuration(); addresses != nil {
		defer s.Close()
		if d.reached(ctx, addresses) {
			d.access(ctx, s)
		}
	}
	return d.Findings
}

// configuration says what is configured; no addresses: nothing that works.
func (d *diagnosis) configuration() (*store, []string) {
	conf, dir, err := hadoopConfiguration(d.cfg)
	if err != nil {
		d.Failed("configuration", err)
		return nil, nil
	}
	if text := "none: neither HADOOP_CONF_DIR nor HADOOP_HOME names a folder with core-site.xml or hdfs-site.xml"; conf == nil {
		d.Add(backend.Found("configuration", backend.Note, "%s", text))
	} else {
		d.Add(backend.Found("configuration", backend.Note, "%s, with fs.defaultFS %q", dir, conf["fs.defaultFS"]))
	}
	addresses, err := namenodes(conf, d.u.Container)
	if err != nil {
		d.Failed("namenode", err)
		return nil, nil
	}
	d.Add(backend.Found("namenode", backend.Note, "%s", strings.Join(addresses, ", ")))
	s := &store{cfg: d.cfg, conf: conf, who: newIdentity(d.cfg, conf), clusters: map[string]*cluster{}}
	o, err := s.who.options()
	if err != nil {
		d.Failed("credentials", err)
		return nil, nil
	}
	if o.KerberosClient != nil {
		d.Add(backend.Found("credentials", backend.Note, "Kerberos: %s", o.KerberosClient.Credentials.UserName()))
	} else {
		d.Add(backend.Found("credentials", backend.Note, "user %s, whom a cluster without Kerberos believes", o.User))
	}
	return s, addresses
}

// reached says which namenodes take connections, and whether any does.
func (d *diagnosis) reached(ctx context.Context, addresses []string) (any bool) {
	for _, address := range addresses {
		begun := time.Now()
		dialer := net.Dialer{Timeout: d.cfg.ConnectTimeout.Duration()}
		nc, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			d.Failed("connect", (&broken{address: address, namenode: true, err: err}).failure("connect", d.u))
			continue
		}
		_ = nc.Close() // nothing was sent
		any = true
		d.Add(backend.Found("connect", backend.Fine, "%s in %.1f ms", address, time.Since(begun).Seconds()*1e3))
	}
	return any
}

// access asks for what the user wants to get at, as the user.
func (d *diagnosis) access(ctx context.Context, s *store) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.RequestTimeout.Duration())
	defer cancel()
	begun := time.Now()
	if _, err := s.Stat(ctx, d.u); err != nil {
		d.Failed("access", err)
		return
	}
	d.Add(backend.Found("access", backend.Fine, "%s is there (%.1f ms)", pathOf(d.u), time.Since(begun).Seconds()*1e3))
	err := s.do(ctx, "stat", d.u, func(ses *session) error {
		fs, err := ses.client.StatFs()
		if err == nil {
			d.Add(space(int64(fs.Remaining), int64(fs.Capacity)))
		}
		return err
	})
	if err != nil {
		d.Failed("free_space", err)
	}
}

func space(free, total int64) backend.Finding {
	text := fmt.Sprintf("%.1f GiB of %.1f GiB, for all copies of all blocks", float64(free)/(1<<30), float64(total)/(1<<30))
	f := backend.Found("free_space", backend.Fine, "%s", text)
	switch {
	case total == 0:
		f = backend.Found("free_space", backend.Warn, "the namenode knows of no datanode").WithFix("Check that the datanodes run: hdfs dfsadmin -report")
	case float64(free) < lowSpace*float64(total):
		f.Level, f.Fix = backend.Warn, "Make room before you write here"
	}
	return f.WithFacts(map[string]any{"free_bytes": free, "total_bytes": total})
}
