package explain

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// Windows has numbers of its own for these, which no other system gives and package syscall does not compare with its names.
// https://learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2
const (
	winNoNet   = syscall.Errno(10051)
	winReset   = syscall.Errno(10054)
	winRefused = syscall.Errno(10061)
	winNoHost  = syscall.Errno(10065)
)

// line explains a connection that brought no answer, by the types of Go's errors and not by their words.
func line(err error) (Cause, Sure) {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var alert tls.AlertError
	var dns *net.DNSError
	var nerr net.Error
	switch {
	case errors.As(err, &unknown):
		return TLSUnknown, Certain // a proxy that opens TLS, or somebody in between
	case errors.As(err, &name):
		return TLSName, Certain
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return TLSExpired, Likely // or this machine's clock is wrong: the text says so
	case errors.As(err, &verify), errors.As(err, &invalid):
		return TLSUnknown, Likely
	case errors.As(err, &header), errors.As(err, &alert):
		return TLSBroken, Likely
	case errors.As(err, &dns) && dns.IsTimeout:
		return Slow, Certain
	case errors.As(err, &dns):
		return NoName, Certain
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, winRefused):
		return NobodyListens, Certain
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, winReset), errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return Reset, Certain
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, winNoHost), errors.Is(err, winNoNet):
		return NoRoute, Certain
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &nerr) && nerr.Timeout():
		return Slow, Certain
	}
	for _, w := range words { // an error that was handed on as text only, as by the credential's library
		if strings.Contains(err.Error(), w.says) {
			return w.cause, Likely
		}
	}
	return Unreachable, Unknown
}

var words = []struct {
	says  string
	cause Cause
}{
	{"certificate signed by unknown authority", TLSUnknown},
	{"certificate is not trusted", TLSUnknown},
	{"certificate is valid for", TLSName},
	{"certificate has expired", TLSExpired},
	{"no such host", NoName},
	{"connection refused", NobodyListens},
	{"connection reset by peer", Reset},
	{"server gave HTTP response to HTTPS client", TLSBroken},
	{"Client.Timeout exceeded", Slow},
	{"context deadline exceeded", Slow},
}

// broken explains an answer that came and could not be read. What was wrong with it is told by package graph in its own words.
func broken(a Answer) (Cause, Sure) {
	switch {
	case strings.Contains(a.Broken, "redirect"), strings.Contains(a.Broken, "another place"):
		return Foreign, Certain
	case strings.Contains(a.Broken, "text/html"), strings.Contains(a.Broken, "not JSON"):
		return NotGraph, Likely
	}
	return Garbled, Certain
}
