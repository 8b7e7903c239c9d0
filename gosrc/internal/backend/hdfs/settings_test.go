package hdfs

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/colinmarc/hdfs/v2/hadoopconf"
	"github.com/jcmturner/gokrb5/v8/test/testdata"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/testservers"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// configured writes a Hadoop configuration of name, value, name, value ...
func configured(t *testing.T, pairs ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?>\n<configuration>\n")
	for pair := range slices.Chunk(pairs, 2) {
		fmt.Fprintf(&b, "<property><name>%s</name><value>%s</value></property>\n", pair[0], pair[1])
	}
	b.WriteString("</configuration>\n")
	if err := os.WriteFile(filepath.Join(dir, "hdfs-site.xml"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNamenodes(t *testing.T) {
	cfg := settings()
	cfg.Env["HADOOP_CONF_DIR"] = configured(t, "fs.defaultFS", "hdfs://${the.service}", "the.service", "ha",
		"dfs.ha.namenodes.ha", "nn1, nn2", "dfs.namenode.rpc-address.ha.nn1", "one:8020", "dfs.namenode.rpc-address.ha.nn2", "two",
		"dfs.namenode.rpc-address.single", "three:9000", "dfs.ha.namenodes.torn", "nn1")
	s := connect(t, cfg)
	for container, want := range map[string]string{
		"": "one:8020,two:8020", "ha": "one:8020,two:8020", "single": "three:9000",
		"host": "host:8020", "host:1": "host:1", "[::1]:9000": "[::1]:9000", "[::1]": "[::1]:8020",
	} {
		if got, err := namenodes(s.conf, container); err != nil || strings.Join(got, ",") != want {
			t.Errorf("%q stands for %v, %v: want %s", container, got, err, want)
		}
	}
	for _, container := range []string{"torn", "host:0", "host:99999", "host:port", "user@host", ":9000", "a b", "a,b", "::1", "[::1", "ha:8020"} {
		if got, err := namenodes(s.conf, container); errs.CodeOf(err) != errs.Invalid {
			t.Errorf("%q stands for %v, %v", container, got, err)
		}
	}
}

func TestNoConfiguration(t *testing.T) {
	for _, pairs := range [][]string{{}, {"fs.defaultFS", "file:///"}, {"fs.defaultFS", "hdfs://"}} {
		cfg := settings()
		if len(pairs) > 0 {
			cfg.Env["HADOOP_CONF_DIR"] = configured(t, pairs...)
		}
		u := uri.URI{Scheme: scheme, Key: "/a"}
		if _, err := connect(t, cfg).Stat(t.Context(), u); errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), "fs.defaultFS") {
			t.Errorf("%v: %v", pairs, err)
		}
	}
}

func TestTornConfiguration(t *testing.T) {
	cfg := settings()
	cfg.Env["HADOOP_CONF_DIR"] = configured(t, "a", "</unclosed>")
	if _, err := open(cfg); errs.CodeOf(err) != errs.Invalid || !strings.Contains(err.Error(), cfg.Env["HADOOP_CONF_DIR"]) {
		t.Errorf("%v", err)
	}
}

// A nameservice whose first namenode is down, found by the folder that HADOOP_HOME is above of.
func TestNameservice(t *testing.T) {
	server := testservers.SharedHDFS(t)
	place := base(t, server)
	cfg, home := settings(), t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "etc"), 0o700); err != nil {
		t.Fatal(err)
	}
	dir := configured(t, "fs.defaultFS", "hdfs://ha", "dfs.ha.namenodes.ha", "down,up", "fs.permissions.umask-mode", "077",
		"dfs.namenode.rpc-address.ha.down", testservers.FreeAddr(t), "dfs.namenode.rpc-address.ha.up", server.Addr)
	if err := os.Symlink(dir, filepath.Join(home, "etc", "hadoop")); err != nil {
		t.Fatal(err)
	}
	cfg.Env["HADOOP_HOME"] = home
	s := connect(t, cfg)
	defer s.Close()
	written := uri.URI{Scheme: scheme, Container: "ha", Key: place.Key + "a"}
	if _, err := s.Put(t.Context(), written, []byte("data"), nil); err != nil {
		t.Fatal(err)
	}
	u := uri.URI{Scheme: scheme, Key: "/" + place.Key} // the default
	var keys []string
	err := s.List(t.Context(), u, true, func(page []backend.Entry) error {
		for _, e := range page {
			keys = append(keys, e.Key)
		}
		return nil
	})
	if err != nil || !slices.Equal(keys, []string{u.Key + "a"}) {
		t.Errorf("listed %v, %v", keys, err)
	}
	c, err := s.cluster("ha")
	if err != nil || c.addresses[0] != server.Addr {
		t.Errorf("the namenode that answers is not asked first: %v, %v", c.addresses, err)
	}
	err = s.do(t.Context(), "stat", written, func(ses *session) error {
		info, err := ses.client.Stat(pathOf(written))
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("with the umask 077 a file has the mode %v", info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestUserFromTheSnapshot(t *testing.T) {
	place := base(t, testservers.SharedHDFS(t))
	cfg := settings()
	cfg.Env["HADOOP_USER_NAME"] = "stranger"
	s := connect(t, cfg)
	defer s.Close()
	u := place.WithKey(place.Key + "a")
	for what, err := range map[string]error{
		"put":    second(s.Put(t.Context(), u, []byte("data"), nil)),
		"mkdir":  s.Mkdir(t.Context(), u),
		"delete": s.Delete(t.Context(), place),
	} {
		if errs.CodeOf(err) != errs.Permission || !strings.Contains(err.Error(), "HADOOP_USER_NAME") {
			t.Errorf("%s as a stranger: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestKerberosWithoutTickets(t *testing.T) {
	for _, pairs := range [][]string{
		{"hadoop.security.authentication", "kerberos"},
		{"hadoop.security.authentication", "kerberos", "dfs.namenode.kerberos.principal", "nn/_HOST@REALM"},
	} {
		cfg := settings()
		cfg.Env["HADOOP_CONF_DIR"] = configured(t, pairs...)
		cfg.Env["KRB5_CONFIG"] = filepath.Join(t.TempDir(), "none")
		s := connect(t, cfg)
		_, err := s.Stat(t.Context(), uri.URI{Scheme: scheme, Container: "host:1", Key: "a"})
		want, text := errs.Invalid, "dfs.namenode.kerberos.principal"
		if len(pairs) > 2 {
			want, text = errs.Credentials, cfg.Env["KRB5_CONFIG"]
		}
		if errs.CodeOf(err) != want || !strings.Contains(err.Error(), text) {
			t.Errorf("%v: %v", pairs, err)
		}
	}
}

// A ticket that is of no use with a namenode, here one that knows no Kerberos, is
// no matter of patience.
func TestKerberosRefused(t *testing.T) {
	server := testservers.SharedHDFS(t)
	cfg := settings()
	cfg.Env["HADOOP_CONF_DIR"] = configured(t, "hadoop.security.authentication", "kerberos", "dfs.namenode.kerberos.principal", "nn/_HOST@REALM")
	cfg.Env["KRB5_CONFIG"] = filepath.Join(t.TempDir(), "krb5.conf")
	cfg.Env["KRB5CCNAME"] = filepath.Join(t.TempDir(), "tickets")
	tickets, err := hex.DecodeString(testdata.CCACHE_TEST)
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{
		cfg.Env["KRB5_CONFIG"]: []byte("[libdefaults]\n default_realm = TEST.GOKRB5\n"),
		cfg.Env["KRB5CCNAME"]:  tickets,
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := connect(t, cfg)
	defer s.Close()
	_, err = s.Stat(t.Context(), uri.URI{Scheme: scheme, Container: server.Addr, Key: "a"})
	if errs.CodeOf(err) != errs.Credentials || !strings.Contains(err.Error(), "Kerberos") {
		t.Errorf("%v", err)
	}
}

// Hadoop's units are powers of two.
func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1048576": 1 << 20, "64k": 64 << 10, "128M": 128 << 20, " 1g ": 1 << 30, "2t": 2 << 40,
		"": 7, "m": 7, "0": 7, "-1k": 7, "1.5g": 7, "9e": 7, "12x": 7,
	} {
		if got := size(hadoopconf.HadoopConf{"key": text}, "key", 7); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
