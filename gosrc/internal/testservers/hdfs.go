package testservers

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// HDFS is a running namenode with one datanode, in one process.
type HDFS struct {
	Addr   string // of the namenode's RPC, host:port
	Web    string // base URL of the namenode's HTTP
	Folder string // the blocks are below its data/

	l    lifetime
	args []string
	*process
}

// SharedHDFS is the HDFS of the test binary. Where there is no Java the test is skipped.
func SharedHDFS(tb testing.TB) *HDFS {
	tb.Helper()
	needsJava(tb)
	return once(tb, &shared.hdfs, func(l lifetime) *HDFS { return hdfs(l) })
}

// NewHDFS starts an HDFS for the duration of a test, with settings of
// hdfs-site.xml as NAME=value.
func NewHDFS(tb testing.TB, settings ...string) *HDFS {
	tb.Helper()
	needsJava(tb)
	return hdfs(testLifetime(tb), settings...)
}

func needsJava(tb testing.TB) {
	tb.Helper()
	needs(tb, "java", "Java 17 and Maven (Debian: openjdk-17-jre-headless and maven)")
}

func hdfs(l lifetime, settings ...string) *HDFS {
	l.Helper()
	h := &HDFS{Addr: FreeAddr(l), Folder: subdir(l, "hdfs"), l: l}
	web := FreeAddr(l)
	h.Web = "http://" + web
	h.args = []string{port(l, h.Addr), port(l, web), h.Folder}
	for _, s := range settings {
		h.args = append(h.args, "-D", s)
	}
	h.start()
	return h
}

func port(l lifetime, addr string) string {
	l.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		l.Fatal(err)
	}
	return port
}

func (h *HDFS) start() {
	h.process = start(h.l, "hdfs-minicluster", h.args, []string{"JAVA_HOME=" + os.Getenv("JAVA_HOME")}, h.ready)
}

// ready says whether something can be written.
func (h *HDFS) ready() error {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(h.Web + "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var state struct {
		Beans []struct{ NumLiveDataNodes int }
	}
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		return err
	}
	if len(state.Beans) == 0 || state.Beans[0].NumLiveDataNodes == 0 {
		return fmt.Errorf("no datanode yet: %+v", state)
	}
	return nil
}

// Kill ends the server at once, as a crash does. Whoever kills it restarts it.
func (h *HDFS) Kill() { h.stop() }

// Restart starts it again after Kill, at the same address and with its files.
func (h *HDFS) Restart(tb testing.TB) {
	tb.Helper()
	h.l.TB = tb
	h.start()
}

// Blocks are the files in which the datanode keeps what objects hold.
func (h *HDFS) Blocks(tb testing.TB) []string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(h.Folder, "data", "data*", "current", "BP-*", "current", "finalized", "*", "*", "blk_*[0-9]"))
	if err != nil {
		tb.Fatal(err)
	}
	return found
}
