package emulator

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Mail is a message that somebody sent through the emulator, or that an invitation sent. It goes nowhere: the outbox keeps it.
type Mail struct {
	Seq         int64           `json:"seq"` // from 1, without gaps
	Time        time.Time       `json:"time"`
	Tenant      string          `json:"tenant"`
	App         string          `json:"app"`             // client id
	Actor       string          `json:"actor,omitempty"` // object id of the signed-in person; "" for an application's own token
	RequestID   string          `json:"requestId"`
	Kind        string          `json:"kind"`             // "sendMail" or "invitation"
	Sender      string          `json:"sender,omitempty"` // object id of whose mailbox it left; "" for an invitation
	From        string          `json:"from"`             // addresses from here on
	To          []string        `json:"to"`
	Cc          []string        `json:"cc,omitempty"`
	Bcc         []string        `json:"bcc,omitempty"`
	Subject     string          `json:"subject"`
	ContentType string          `json:"contentType"` // "text" or "html"
	Body        string          `json:"body"`
	Message     json.RawMessage `json:"message,omitempty"` // as it was sent, attachments included; of MIME the base64 as a JSON string
}

// The outbox keeps the newest messages: so many, and of so many bytes.
const (
	mailsKept     = 1000
	mailBytesKept = 64 << 20
	mailBytesFile = 4 << 20 // a data folder remembers fewer: it is written every few seconds
)

// outbox are the messages that were sent, oldest first.
type outbox struct {
	mu    sync.Mutex
	seq   int64
	mails []Mail
	bytes int
}

func (m Mail) size() int { return len(m.Body) + len(m.Message) }

// add numbers the message and keeps it.
func (o *outbox) add(m Mail) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seq++
	m.Seq = o.seq
	o.mails = append(o.mails, m)
	o.bytes += m.size()
	n := 0
	for len(o.mails)-n > mailsKept || o.bytes > mailBytesKept && len(o.mails)-n > 1 {
		o.bytes -= o.mails[n].size()
		n++
	}
	o.mails = slices.Delete(o.mails, 0, n)
}

// since returns the messages above after, oldest first.
func (o *outbox) since(after int64) []Mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	i, _ := slices.BinarySearchFunc(o.mails, after+1, func(m Mail, seq int64) int { return int(m.Seq - seq) })
	return slices.Clone(o.mails[i:])
}

// newest are the newest messages of so many bytes, oldest first; one at least.
func (o *outbox) newest(bytes int) []Mail {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := len(o.mails)
	for i > 0 && (i == len(o.mails) || bytes >= o.mails[i-1].size()) {
		i--
		bytes -= o.mails[i].size()
	}
	return slices.Clone(o.mails[i:])
}

// last is the number of the newest message, 0 before the first.
func (o *outbox) last() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seq
}

// restore is the outbox with the messages of a data folder; nil empties it and begins at 1 again.
func (o *outbox) restore(mails []Mail) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails, o.seq, o.bytes = mails, 0, 0
	for _, m := range mails {
		o.seq, o.bytes = m.Seq, o.bytes+m.size()
	}
}

// Outbox returns the messages with a sequence number above after, oldest first: what sendMail took and what invitations sent. The
// newest thousand are kept, and no more than 64 MiB of them.
func (e *Emulator) Outbox(after int64) []Mail { return e.outbox.since(after) }

func (e *Emulator) outboxVerb() verb {
	return verb{"GET /outbox", "the messages that sendMail and invitations sent, oldest first; ?after=SEQ only newer ones", func(r *http.Request) (any, error) {
		after, err := afterOf(r)
		return list(e.Outbox(after)), err
	}}
}
