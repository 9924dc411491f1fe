package emulator

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Corruptions are the ways to spoil an answer that Do.Corrupt knows:
//
//	html        200 and the page of some proxy in place of the answer
//	bom         a byte order mark before the JSON
//	cut         the first half of the body as if it were all
//	empty       the same status and no body
//	no-content  204 and no body
//	error       200 with an error object
//	number      the texts of the JSON are numbers
//	duplicate   the JSON object has its key id twice
//	extra       the JSON object has a property that nobody knows
//	ids         the ids of the answers of a batch in upper case
//	utf8        a byte that is not UTF-8 inside a text
//	type        the right JSON as text/plain
//	bomb        gzip of 5 GiB of blanks in about 5 MiB
//	endless     blanks until the client goes away
func Corruptions() []string {
	return []string{"html", "bom", "cut", "empty", "no-content", "error", "number", "duplicate", "extra", "ids", "utf8", "type", "bomb", "endless"}
}

var textValue = regexp.MustCompile(`:"(?:[^"\\]|\\.)*"`)

var batchID = regexp.MustCompile(`"[^"]*","status":`)

// corrupt spoils an answer and returns its new body. It is false when everything is sent already.
func (e *Emulator) corrupt(w *status, r *http.Request, x *exchange, rec *recorded, how string) ([]byte, bool) {
	body := rec.body.Bytes()
	h := rec.header
	switch how {
	case "html":
		rec.code = http.StatusOK
		h.Set("Content-Type", "text/html; charset=utf-8")
		return []byte("<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body><h1>Web gateway</h1><p>Please accept the terms of use.</p></body></html>"), true
	case "bom":
		return append([]byte("\xef\xbb\xbf"), body...), true
	case "cut":
		return body[:len(body)/2], true
	case "empty":
		return []byte{}, true
	case "no-content":
		rec.code = http.StatusNoContent
		h.Del("Content-Type")
		return []byte{}, true
	case "error":
		rec.code = http.StatusOK
		h.Set("Content-Type", "application/json")
		return graphFault(http.StatusInternalServerError, Do{}, x.id, x.client, e.Now()), true
	case "number":
		return textValue.ReplaceAll(body, []byte(":17")), true
	case "duplicate":
		return bytes.Replace(body, []byte("{"), []byte(`{"id":"00000000-0000-0000-0000-000000000000",`), 1), true
	case "extra":
		if !strings.Contains(h.Get("Content-Type"), "json") {
			return body, true
		}
		return bytes.Replace(body, []byte("{"), []byte(`{"emulatorUnknown":{"list":[1,null]},`), 1), true
	case "ids":
		return batchID.ReplaceAllFunc(body, func(b []byte) []byte {
			id, rest, _ := bytes.Cut(b, []byte(`",`))
			return append(append(bytes.ToUpper(id), `",`...), rest...)
		}), true
	case "utf8":
		return bytes.Replace(body, []byte(`":"`), []byte("\":\"\xff"), 1), true
	case "type":
		h.Set("Content-Type", "text/plain")
		return slices.Clone(body), true
	case "bomb", "endless":
		if x.inner { // a batch is held in memory
			e.reset(w, x)
			return nil, false
		}
		if how == "bomb" {
			bomb(w, r, rec)
			return nil, false
		}
		h.Del("Content-Length")
		stream(w, r, rec, bytes.Repeat([]byte(" "), 32<<10), -1)
	}
	return nil, false
}

// bomb sends one small gzip member again and again: a reader of gzip takes them as one text.
func bomb(w *status, r *http.Request, rec *recorded) {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	blank := bytes.Repeat([]byte(" "), 1<<20)
	for range 16 {
		_, _ = z.Write(blank) // to memory
	}
	_ = z.Close()
	rec.header.Set("Content-Encoding", "gzip")
	stream(w, r, rec, member.Bytes(), 320)
}

// stream sends a piece n times, for ever when n is negative, or until the client goes away.
func stream(w *status, r *http.Request, rec *recorded, piece []byte, n int) {
	for k, v := range rec.header {
		w.Header()[k] = v
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(http.StatusOK)
	for i := 0; (n < 0 || i < n) && r.Context().Err() == nil; i++ {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}
