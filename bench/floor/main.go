// Command floor is the plain Go client that the others are compared with: net/http with a hand-written request for each
// object, bodies read straight into their place, no Python, no retries, no checks but for lengths. What it spends is
// what a simple Go program has to spend. It reads a task as JSON and prints what the task took, as bench/client does.
package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// task is bench/task.py's.
type task struct {
	Call, Prefix, Endpoint, Bucket, Region, CA, Folder string
	AccessKey                                          string `json:"access_key"`
	SecretKey                                          string `json:"secret_key"`
	Count, Size                                        int
	Direct, Verify                                     bool
}

type delivered struct {
	Items    int    `json:"items"`
	Bytes    int    `json:"bytes"`
	Checksum uint64 `json:"checksum"`
}

type measured struct {
	delivered
	Wall    float64 `json:"wall"`
	CPU     float64 `json:"cpu"`
	StartMB float64 `json:"start_mb"`
	PeakMB  float64 `json:"peak_mb"`
}

var calls = map[string]func(*task) func() (delivered, error){
	"objects": objects, "whole": whole, "reused": reused, "listing": listing, "put": put, "upload": upload,
	"file": file, "files": files,
}

func main() {
	var t task
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		fail(err)
	}
	prepare, known := calls[t.Call]
	if !known {
		fmt.Println(`{"absent": true}`)
		return
	}
	warm := t
	warm.Prefix, warm.Count, warm.Size = "warm/", 8, 128<<10
	if _, err := prepare(&warm)(); err != nil {
		fail(err)
	}
	work := prepare(&t)
	runtime.GC()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		fail(err)
	}
	result := measured{StartMB: memory("VmRSS")}
	cpu, start := cpuSeconds(), time.Now()
	found, err := work()
	if err != nil {
		fail(err)
	}
	result.Wall, result.CPU = time.Since(start).Seconds(), cpuSeconds()-cpu
	result.PeakMB, result.delivered = memory("VmHWM"), found
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (t *task) key(number int) string { return fmt.Sprintf("%s%05d", t.Prefix, number) }

// sum is the checksum of an object, where the task asks for it.
func (t *task) sum(data []byte) uint64 {
	if !t.Verify {
		return 0
	}
	return uint64(crc32.ChecksumIEEE(data))
}

// each calls work for the numbers 0 to count-1 from several goroutines, and adds up the checksums that it returns.
func each(count, goroutines int, work func(worker, number int) (uint64, error)) (uint64, error) {
	var (
		group sync.WaitGroup
		lock  sync.Mutex
		next  int
		total uint64
		first error
	)
	for worker := range min(goroutines, count) {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				lock.Lock()
				number := next
				next++
				stop := number >= count || first != nil
				lock.Unlock()
				if stop {
					return
				}
				sum, err := work(worker, number)
				lock.Lock()
				total += sum
				if first == nil {
					first = err
				}
				lock.Unlock()
			}
		}()
	}
	group.Wait()
	return total, first
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// memory is a line of /proc/self/status in MB.
func memory(field string) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fail(err)
	}
	_, rest, _ := strings.Cut(string(text), field+":")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		fail(err)
	}
	return kib * 1024 / 1e6
}
