package emulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Addresses says where to listen, as host:port; port 0 is one of the system's choosing. The zero value listens on 127.0.0.1 only.
type Addresses struct {
	HTTPS   string // "" is 127.0.0.1:0; "-" does not listen
	HTTP    string // "" is 127.0.0.1:0; "-" does not listen
	Control string // "" is 127.0.0.1:0; "-" does not listen
	Proxy   string // "" does not listen; a proxy that answers for the service's own host names (proxy.go)
	Expose  bool   // allow addresses that other machines reach; anybody who reaches the emulator can be anybody in it
	CAFile  string // where to write the certificate of the emulator's authority (PEM); "" is a file in a temporary folder
}

// Server is a running emulator. The addresses are origins without a path.
type Server struct {
	Authority     string // Entra ID over https; "" when https is off
	Graph         string // Microsoft Graph over https
	AuthorityHTTP string // the same over http, for a browser on this machine
	GraphHTTP     string
	Control       string // the control listener, http
	Proxy         string // the proxy for clients with fixed addresses (HTTPS_PROXY), http; "" when it is off
	CAFile        string // the authority's certificate, for clients to trust

	e       *Emulator
	servers []*http.Server
	remove  string // temporary folder
	once    sync.Once
	done    chan struct{}
	quit    chan struct{} // ends the saving while it runs; nil where nothing is kept
	quiet   chan struct{} // closed when that has ended
	err     error
}

// Start opens the ports and serves until Close is called or ctx ends. It refuses an address that other machines reach unless Expose
// says so.
func (e *Emulator) Start(ctx context.Context, at Addresses) (*Server, error) {
	s := &Server{e: e, done: make(chan struct{})}
	var names []string
	if at.Proxy == "" {
		at.Proxy = "-"
	}
	for _, a := range []*string{&at.HTTPS, &at.HTTP, &at.Control, &at.Proxy} {
		if *a == "" {
			*a = "127.0.0.1:0"
		}
		if *a == "-" {
			continue
		}
		host, _, err := net.SplitHostPort(*a)
		if err != nil {
			return nil, fmt.Errorf("listen address %q: %w", *a, err)
		}
		if !at.Expose && !isLoopback(host) {
			return nil, fmt.Errorf("the emulator checks nobody's identity and %q can be reached from other machines: listen on 127.0.0.1, or ask for exposure explicitly", *a)
		}
		names = append(names, host)
	}
	if err := e.ca.ready(e.opts.Wall, names); err != nil {
		return nil, fmt.Errorf("make the certificate authority: %w", err)
	}
	server := func(handler http.Handler) *http.Server {
		srv := &http.Server{
			Handler: handler, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
			ErrorLog: log.New(io.Discard, "", 0),
		}
		s.servers = append(s.servers, srv)
		return srv
	}
	open := func(address string, kind listenerKind, handler http.Handler) (string, error) {
		if address == "-" {
			return "", nil
		}
		ln, err := net.Listen("tcp", address)
		if err != nil {
			return "", err
		}
		if kind == proxied {
			p := e.newProxy(handler, server(nil), ln.Addr())
			go func() { _ = p.serve() }() // ends with Close
			handler = p
		} else if !at.Expose {
			handler = thisMachine(handler)
		}
		srv := server(handler)
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return "", err
		}
		if host == "" || net.ParseIP(host).IsUnspecified() {
			host = "localhost"
		}
		_, port, err := net.SplitHostPort(ln.Addr().String())
		if err != nil {
			return "", err
		}
		scheme := "http://"
		if kind == secure {
			scheme = "https://"
			srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{e.ca.leaf}, MinVersion: tls.VersionTLS12}
			go func() { _ = srv.ServeTLS(ln, "", "") }() // ends with Close
		} else {
			go func() { _ = srv.Serve(ln) }() // ends with Close
		}
		return scheme + net.JoinHostPort(host, port), nil
	}
	err := func() (err error) {
		if s.Authority, err = open(at.HTTPS, secure, e.handler); err != nil {
			return err
		}
		if s.AuthorityHTTP, err = open(at.HTTP, plain, e.handler); err != nil {
			return err
		}
		if s.Control, err = open(at.Control, plain, e.control); err != nil {
			return err
		}
		if s.Proxy, err = open(at.Proxy, proxied, e.handler); err != nil {
			return err
		}
		s.Graph, s.GraphHTTP = s.Authority, s.AuthorityHTTP
		return s.writeCA(at.CAFile)
	}()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	e.servers.add(s)
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	go func() {
		<-s.done
		stop()
	}()
	if e.opts.Data != "" {
		s.quit, s.quiet = make(chan struct{}), make(chan struct{})
		go func() {
			defer close(s.quiet)
			e.keepSaving(s.quit)
		}()
	}
	return s, nil
}

// listenerKind is what a port speaks.
type listenerKind int

const (
	plain listenerKind = iota
	secure
	proxied
)

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (s *Server) writeCA(file string) error {
	if file == "" {
		dir, err := os.MkdirTemp("", "nameplate-emulator-")
		if err != nil {
			return err
		}
		s.remove = dir
		file = filepath.Join(dir, "ca.pem")
	}
	s.CAFile = file
	return os.WriteFile(file, s.e.ca.pem, 0o600)
}

// Close stops listening and saves to the data folder, where there is one: what is being answered gets two seconds to finish.
func (s *Server) Close() error {
	s.once.Do(func() {
		defer close(s.done)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		for _, srv := range s.servers {
			if err := srv.Shutdown(ctx); err != nil {
				_ = srv.Close()
			}
		}
		s.e.servers.drop(s)
		s.e.notifier.stop(false)
		if s.quit != nil { // whoever closed it may remove the folder: nothing is written after the last save
			close(s.quit)
			<-s.quiet
		}
		s.err = s.e.Save()
		if s.remove != "" {
			s.err = errors.Join(s.err, os.RemoveAll(s.remove))
		}
	})
	<-s.done
	return s.err
}

// CertPool trusts the emulator's authority and nothing else.
func (s *Server) CertPool() *x509.CertPool { return s.e.ca.pool.Clone() }

// Client trusts the emulator's authority and reaches it over the network.
func (s *Server) Client() *http.Client {
	t := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: s.e.ca.pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 32, IdleConnTimeout: 30 * time.Second,
	}
	return &http.Client{Transport: t}
}

// serverSet are the running servers, by which the emulator knows its own addresses.
type serverSet struct {
	mu   sync.RWMutex
	list []*Server
}

func (l *serverSet) add(s *Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, s)
}

func (l *serverSet) drop(s *Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.DeleteFunc(l.list, func(x *Server) bool { return x == s })
}

// ownAddress says whether an origin (lower case, no path) is this emulator's: the one this request used, or one that it listens on.
func (e *Emulator) ownAddress(r *http.Request, address string) bool {
	if address == strings.ToLower(origin(r)) {
		return true
	}
	e.servers.mu.RLock()
	defer e.servers.mu.RUnlock()
	for _, s := range e.servers.list {
		for _, own := range []string{s.Authority, s.AuthorityHTTP} {
			if own == "" {
				continue
			}
			if address == own || address == strings.Replace(own, "127.0.0.1", "localhost", 1) {
				return true
			}
		}
	}
	return false
}

// Client talks to the emulator without a network: whatever host a request names, the emulator answers it. Deliberate drops of the
// connection are errors, as they are on a wire. For the network's own behaviour use a Server's Client.
func (e *Emulator) Client() *http.Client { return &http.Client{Transport: inProcess{e}} }

type inProcess struct{ e *Emulator }

// RoundTrip answers the request by the handler.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:1"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if r.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: r.URL.Hostname()}
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &memoryWriter{header: http.Header{}, status: http.StatusOK}
	dropped := func() (dropped bool) {
		defer func() {
			if x := recover(); x != nil {
				if x != http.ErrAbortHandler {
					panic(x)
				}
				dropped = true
			}
		}()
		p.e.handler.ServeHTTP(w, in)
		return false
	}()
	_ = in.Body.Close()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body io.Reader = bytes.NewReader(w.body.Bytes())
	if dropped {
		if w.body.Len() == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		body = io.MultiReader(body, brokenReader{})
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent(), Body: io.NopCloser(body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// memoryWriter keeps an answer.
type memoryWriter struct {
	header http.Header
	out    http.Header
	status int
	body   bytes.Buffer
	wrote  bool
}

func (w *memoryWriter) Header() http.Header { return w.header }

func (w *memoryWriter) WriteHeader(status int) {
	if w.wrote || status < 200 {
		return
	}
	w.wrote, w.status, w.out = true, status, w.header.Clone()
}

func (w *memoryWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush does nothing: the answer is handed over whole.
func (w *memoryWriter) Flush() {}

func (w *memoryWriter) sent() http.Header {
	if w.out != nil {
		return w.out
	}
	return w.header
}

// thisMachine answers only requests that name this machine: a web page whose name was pointed at it (DNS rebinding) is not to sign
// in here as anybody.
func thisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if !isLoopback(strings.Trim(host, "[]")) {
			http.Error(w, "This emulator answers to localhost and loopback addresses only.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
