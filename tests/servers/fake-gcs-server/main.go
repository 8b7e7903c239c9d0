// fake-gcs-server with the part of the protocol of resumable uploads that it
// lacks: a session can be asked how far it got, takes bytes that it has already
// for what they are, and answers to its end twice. Everything else is its own.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

func main() {
	log.SetFlags(0)
	scheme := flag.String("scheme", "http", "only http")
	host := flag.String("host", "127.0.0.1", "address to listen at")
	port := flag.String("port", "4443", "port to listen at")
	backend := flag.String("backend", "memory", "only memory")
	level := flag.String("log-level", "warn", "info logs requests")
	public := flag.String("public-host", "", "host of the XML API")
	flag.Parse()
	if *scheme != "http" || *backend != "memory" {
		log.Fatal("this build speaks http and keeps objects in memory")
	}
	address := net.JoinHostPort(*host, *port)
	options := fakestorage.Options{NoListener: true, PublicHost: *public, ExternalURL: "http://" + address}
	if *level == "info" {
		options.Writer = os.Stderr
	}
	server, err := fakestorage.NewServerWithOptions(options)
	if err != nil {
		log.Fatal(err)
	}
	handler := &resumable{inner: server.HTTPHandler(), sessions: map[string]*session{}}
	log.Fatal(http.ListenAndServe(address, handler))
}
