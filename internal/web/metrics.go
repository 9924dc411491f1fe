package web

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Sample is one figure for a monitor. Name follows Prometheus: a unit at the end, _total for what only grows
// (https://prometheus.io/docs/practices/naming/). A label's value is a word of ours or a tenant id, never a name, an address or a page.
type Sample struct {
	Name   string
	Help   string
	Grows  bool        // a counter; else a gauge
	Labels [][2]string // name and value of each
	Value  float64
}

// took are the upper bounds of the histogram, in seconds: a page is good below 0.25, and a save waits at most 20.
var took = [...]float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20}

// metrics counts what an operator's monitor asks for. Nothing in it names a person, an address or a page.
type metrics struct {
	byClass [6]atomic.Int64 // by the first digit of the status
	buckets [len(took)]atomic.Int64
	micros  atomic.Int64
}

func (m *metrics) note(status int, d time.Duration) {
	if c := status / 100; c >= 1 && c <= 5 {
		m.byClass[c].Add(1)
	}
	for i, le := range took {
		if d.Seconds() <= le {
			m.buckets[i].Add(1)
			break
		}
	}
	m.micros.Add(d.Microseconds())
}

// write gives the counts, and then what more says, in the text format of Prometheus.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func (m *metrics) write(w io.Writer, more []Sample) error {
	var b strings.Builder
	var total int64
	b.WriteString("# HELP nameplate_http_requests_total Requests that were answered, by class of status.\n# TYPE nameplate_http_requests_total counter\n")
	for c := 1; c <= 5; c++ {
		n := m.byClass[c].Load()
		total += n
		fmt.Fprintf(&b, "nameplate_http_requests_total{code=\"%dxx\"} %d\n", c, n)
	}
	const hist = "nameplate_http_request_duration_seconds"
	fmt.Fprintf(&b, "# HELP %[1]s Time from a request's arrival to the end of its answer.\n# TYPE %[1]s histogram\n", hist)
	var sum int64
	for i, le := range took {
		sum += m.buckets[i].Load()
		fmt.Fprintf(&b, "%s_bucket{le=%q} %d\n", hist, strconv.FormatFloat(le, 'g', -1, 64), sum)
	}
	fmt.Fprintf(&b, "%[1]s_bucket{le=\"+Inf\"} %[2]d\n%[1]s_sum %[3]g\n%[1]s_count %[2]d\n", hist, total, float64(m.micros.Load())/1e6)
	last := ""
	for _, s := range more {
		if s.Name != last {
			kind := "gauge"
			if s.Grows {
				kind = "counter"
			}
			fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", s.Name, s.Help, s.Name, kind)
			last = s.Name
		}
		labels := make([]string, len(s.Labels))
		for i, l := range s.Labels {
			labels[i] = fmt.Sprintf("%s=%q", l[0], l[1])
		}
		set := strings.Join(labels, ",")
		if set != "" {
			set = "{" + set + "}"
		}
		fmt.Fprintf(&b, "%s%s %s\n", s.Name, set, strconv.FormatFloat(s.Value, 'g', -1, 64))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// samples asks the product for its figures; none when nobody gives any.
func (s *Site) samples(ctx context.Context) []Sample {
	if s.opt.Samples == nil {
		return nil
	}
	return s.opt.Samples(ctx)
}
