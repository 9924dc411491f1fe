package emulator

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
)

// The proxy lets clients whose addresses are fixed run unmodified: it takes CONNECT for the sign-in and Graph hosts of Microsoft's
// clouds and lets the emulator answer, with a certificate for that name of the emulator's authority. It connects to nowhere: every
// other host is refused.

// proxy is a forward proxy with the server behind it that speaks https as the hosts it stands for.
type proxy struct {
	inner   *http.Server
	tunnels *tunnels
}

// newProxy makes the proxy around what answers. Its handler is for the proxy's port; serve runs until the inner server is closed.
func (e *Emulator) newProxy(answer http.Handler, inner *http.Server, address net.Addr) *proxy {
	p := &proxy{inner: inner, tunnels: &tunnels{at: address, open: make(chan net.Conn), done: make(chan struct{})}}
	inner.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if s, ok := c.(*tls.Conn); ok {
			if t, ok := s.NetConn().(tunnel); ok {
				return context.WithValue(ctx, tunnelKey{}, t.host)
			}
		}
		return ctx
	}
	inner.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		t, ok := h.Conn.(tunnel)
		if !ok || h.ServerName != "" && !strings.EqualFold(h.ServerName, t.host) {
			return nil, fmt.Errorf("the tunnel leads to another host")
		}
		return e.ca.leafOf(e.opts.Wall(), t.host)
	}}
	inner.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _ := r.Context().Value(tunnelKey{}).(string)
		r.Host = strings.ToLower(strings.TrimSuffix(r.Host, ":443"))
		if host == "" || r.Host != host {
			http.Error(w, "This tunnel leads to "+host+" only.", http.StatusMisdirectedRequest)
			return
		}
		answer.ServeHTTP(w, r)
	})
	return p
}

// serve answers what comes out of the tunnels.
func (p *proxy) serve() error { return p.inner.ServeTLS(p.tunnels, "", "") }

// ServeHTTP is the proxy's port.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(why string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(why + "\n")) // the client went away
	}
	if r.Method != http.MethodConnect {
		refuse("This is the emulator's proxy. It takes CONNECT for the sign-in and Graph hosts of Microsoft's clouds, and nothing over plain http.")
		return
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, ""
	}
	if c, _ := cloudAt(host); c == nil || port != "443" {
		refuse("The emulator's proxy answers for the sign-in and Graph hosts of Microsoft's clouds on port 443. It forwards nothing to " + r.Host + ".")
		return
	}
	conn, rest, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse("The emulator's proxy takes CONNECT over HTTP/1.1 only.")
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		_ = conn.Close()
		return
	}
	p.tunnels.hand(tunnel{conn, rest.Reader, strings.ToLower(host)})
}

type tunnelKey struct{}

// tunnel is a connection through the proxy to one host. What the client sent behind its CONNECT is read first.
type tunnel struct {
	net.Conn
	first *bufio.Reader
	host  string
}

func (t tunnel) Read(b []byte) (int, error) { return t.first.Read(b) }

// tunnels is the listener of the server behind the proxy.
type tunnels struct {
	at   net.Addr
	open chan net.Conn
	done chan struct{}
	once sync.Once
}

func (t *tunnels) hand(c net.Conn) {
	select {
	case t.open <- c:
	case <-t.done:
		_ = c.Close()
	}
}

// Accept waits for the next tunnel.
func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.open:
		return c, nil
	case <-t.done:
		return nil, net.ErrClosed
	}
}

// Close lets no more through.
func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.done) })
	return nil
}

// Addr is the proxy's.
func (t *tunnels) Addr() net.Addr { return t.at }
