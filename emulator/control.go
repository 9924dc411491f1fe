package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// verb is one route of the control listener.
type verb struct {
	route string // pattern of http.ServeMux
	does  string
	run   func(*http.Request) (any, error)
}

// refused is a control request that makes no sense; the text is for the caller.
type refused struct {
	status int
	text   string
}

func (r refused) Error() string { return r.text }

func (e *Emulator) verbs() []verb {
	return []verb{
		{"GET /ledger", "the mutations accepted, oldest first; ?after=SEQ only newer ones", func(r *http.Request) (any, error) {
			after, err := afterOf(r)
			return list(e.Ledger(after)), err
		}},
		e.outboxVerb(),
		{"GET /requests", "the request log, inner requests of a batch beside it; ?after=SEQ only newer ones", func(r *http.Request) (any, error) {
			after, err := afterOf(r)
			return list(e.Requests(after)), err
		}},
		{"GET /statistics", "the seed and the rules in force; counts of requests, inner requests, writes, tokens, faults and unknown routes", func(*http.Request) (any, error) {
			return e.Statistics(), nil
		}},
		{"GET /faults", "the fault rules in force", func(*http.Request) (any, error) { return list(e.Faults()), nil }},
		{"POST /faults", `add a fault rule or an array of them: {"match":{"method":"PATCH"},"at":"after","do":{"status":504}}; answers their ids`, e.postFaults},
		{"GET /faults/hits", "the requests that rules met", func(*http.Request) (any, error) { return list(e.FaultHits()), nil }},
		{"DELETE /faults", "take away all rules, hits and stale views", func(*http.Request) (any, error) {
			e.ClearFaults()
			return nil, nil
		}},
		{"DELETE /faults/{id}", "take away one rule", func(r *http.Request) (any, error) {
			if !e.ClearFault(r.PathValue("id")) {
				return nil, refused{http.StatusNotFound, "there is no fault rule " + strconv.Quote(r.PathValue("id"))}
			}
			return nil, nil
		}},
		{"GET /clock", "the emulator's time", func(*http.Request) (any, error) { return clockAnswer{Now: e.Now()}, nil }},
		{"POST /clock", `move the emulator's time: {"advance":"3h"} (also "-10m") or {"set":"2026-11-21T12:00:00Z"}; {"skew":"10m"} moves the Date headers only`, e.postClock},
		{"POST /keys/rotate", `sign with the next key; {"all":true} replaces both, as in an emergency`, func(r *http.Request) (any, error) {
			var in struct {
				All bool `json:"all"`
			}
			if err := read(r, &in); err != nil {
				return nil, err
			}
			return nil, e.RotateKeys(in.All)
		}},
	}
}

type clockAnswer struct {
	Now time.Time `json:"now"`
}

func (e *Emulator) postClock(r *http.Request) (any, error) {
	var in struct {
		Advance *Duration  `json:"advance"`
		Set     *time.Time `json:"set"`
		Skew    *Duration  `json:"skew"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	switch {
	case in.Advance != nil && in.Set != nil, in.Advance == nil && in.Set == nil && in.Skew == nil:
		return nil, refused{http.StatusBadRequest, `say either {"advance":"3h"} or {"set":"2026-11-21T12:00:00Z"}, or {"skew":"10m"}`}
	case in.Advance != nil:
		e.clock.Advance(time.Duration(*in.Advance))
	case in.Set != nil:
		e.clock.Advance(in.Set.Sub(e.Now()))
	}
	if in.Skew != nil {
		e.clock.Skew(time.Duration(*in.Skew))
	}
	return clockAnswer{Now: e.Now()}, nil
}

func (e *Emulator) postFaults(r *http.Request) (any, error) {
	var raw json.RawMessage
	if err := read(r, &raw); err != nil {
		return nil, err
	}
	rules := make([]Rule, 1)
	into := any(&rules[0])
	if strings.HasPrefix(strings.TrimSpace(string(raw)), "[") {
		into = &rules
	}
	if err := strict(strings.NewReader(string(raw)), into); err != nil {
		return nil, err
	}
	for i, rule := range rules { // all or none
		if _, err := rule.ready(); err != nil {
			return nil, refused{http.StatusBadRequest, fmt.Sprintf("rule %d: %v", i+1, err)}
		}
	}
	out := struct {
		IDs []string `json:"ids"`
	}{}
	for _, rule := range rules {
		id, err := e.inject(rule)
		if err != nil {
			return nil, err
		}
		out.IDs = append(out.IDs, id)
	}
	return out, nil
}

// newControl makes the handler of the control listener.
func (e *Emulator) newControl() http.Handler {
	mux := http.NewServeMux()
	var help strings.Builder
	help.WriteString("Control of the emulator. Everything is JSON.\n\n")
	for _, v := range slices.Concat(e.verbs(), e.loginVerbs(), e.stateVerbs(), e.throttleVerbs(), e.pageVerbs(), e.notifyVerbs()) {
		fmt.Fprintf(&help, "%-29s %s\n", v.route, v.does)
		mux.HandleFunc(v.route, func(w http.ResponseWriter, r *http.Request) {
			answer, err := v.run(r)
			if err != nil {
				writeRefusal(w, err)
				return
			}
			if answer == nil {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			writeControl(w, http.StatusOK, answer)
		})
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, help.String()) // the client went away
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Date", e.stats.date(e.Now()))
		if err := fromOurselves(r); err != nil {
			writeRefusal(w, err)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// fromOurselves refuses what a web page in a browser on the same machine could send: requests of another site, and names that a
// foreign DNS server made point here.
func fromOurselves(r *http.Request) error {
	if r.Header.Get("Origin") != "" {
		return refused{http.StatusForbidden, "the control listener does not answer web pages (the request has an Origin)"}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
		return refused{http.StatusForbidden, "the control listener does not answer web pages (Sec-Fetch-Site is " + strconv.Quote(site) + ")"}
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil && !strings.EqualFold(host, "localhost") {
		return refused{http.StatusForbidden, "call the control listener by localhost or by its IP address, not as " + strconv.Quote(host)}
	}
	return nil
}

func afterOf(r *http.Request) (int64, error) {
	text := r.URL.Query().Get("after")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, refused{http.StatusBadRequest, "after is " + strconv.Quote(text) + ", not a number"}
	}
	return n, nil
}

// read decodes the body of a request; an empty one leaves into as it is.
func read(r *http.Request, into any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return refused{http.StatusUnsupportedMediaType, "send the body as application/json"}
	}
	return strict(strings.NewReader(string(body)), into)
}

func strict(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return refused{http.StatusBadRequest, err.Error()}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refused{http.StatusBadRequest, "there is something after the JSON"}
	}
	return nil
}

// list makes an empty array of nothing.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func writeRefusal(w http.ResponseWriter, err error) {
	var why refused
	if !errors.As(err, &why) {
		why = refused{http.StatusInternalServerError, err.Error()}
	}
	writeControl(w, why.status, map[string]string{"error": why.text})
}

func writeControl(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // the client went away
}
