package emulator_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nameplate/emulator"
)

// What sendMail takes stands in the outbox, at the control listener too. https://learn.microsoft.com/en-us/graph/api/user-sendmail
func TestS3_B4_SentMailIsInTheOutbox(t *testing.T) {
	t.Parallel()
	d := inviting(t, nil, emulator.Options{})
	own := d.as("adele@contoso.com", "Mail.Send")
	r := own.ask("POST", "/v1.0/me/sendMail", `{"Message":{"subject":"Hi","body":{"contentType":"HTML","content":"<p>Hi</p>"},"toRecipients":[{"emailAddress":{"address":"carl@fabrikam.com"}}],
		"bccRecipients":[{"emailAddress":{"address":"dora@fabrikam.com"}}],"attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","name":"a.txt","contentBytes":"SGVsbG8="}]},"SaveToSentItems":false}`)
	if d.want(r, 202, ""); len(r.raw) != 0 {
		t.Errorf("a body: %s", r.raw)
	}
	mime := base64.StdEncoding.EncodeToString([]byte("From: Adele <adele@contoso.com>\r\nTo: carl@fabrikam.com\r\nCc: Dora <dora@fabrikam.com>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain\r\n\r\nHello."))
	d.want(own.ask("POST", "/v1.0/me/sendMail", mime[:20]+"\r\n"+mime[20:], "Content-Type: text/plain"), 202, "")
	got := d.Outbox(0)
	if len(got) != 2 {
		t.Fatalf("%d messages", len(got))
	}
	if m := got[0]; m.Kind != "sendMail" || m.From != "adele@contoso.com" || m.Subject != "Hi" || m.ContentType != "html" || m.Body != "<p>Hi</p>" ||
		!slices.Equal(m.To, []string{"carl@fabrikam.com"}) || !slices.Equal(m.Bcc, []string{"dora@fabrikam.com"}) || !strings.Contains(string(m.Message), "SGVsbG8=") || m.Actor == "" || m.Actor != m.Sender {
		t.Errorf("the first is %+v", m)
	}
	if m := got[1]; m.From != "adele@contoso.com" || m.Subject != "Grüße" || m.ContentType != "text" || m.Body != "Hello." || !slices.Equal(m.Cc, []string{"dora@fabrikam.com"}) || string(m.Message) != `"`+mime+`"` {
		t.Errorf("the second is %+v", m)
	}
	if len(d.Ledger(0)) != 0 {
		t.Errorf("the ledger has %v", d.Ledger(0))
	}
	rec := httptest.NewRecorder()
	d.Control().ServeHTTP(rec, httptest.NewRequest("GET", "http://127.0.0.1/outbox?after=1", nil))
	var told []emulator.Mail
	if err := json.Unmarshal(rec.Body.Bytes(), &told); err != nil || rec.Code != http.StatusOK || len(told) != 1 || told[0].Seq != 2 || told[0].Subject != "Grüße" {
		t.Errorf("GET /outbox: %d %s", rec.Code, rec.Body)
	}
}

func TestS3_B4_MailThatIsRefused(t *testing.T) {
	t.Parallel()
	d := inviting(t, nil, emulator.Options{})
	to := func(more string) string {
		return `{"message":{"subject":"Hi","body":{"content":"x"},"toRecipients":[{"emailAddress":{"address":"carl@fabrikam.com"}}]` + more + `}}`
	}
	app := d.app("Mail.Send")
	own := d.as("adele@contoso.com", "Mail.Send")
	d.want(app.ask("POST", "/v1.0/users/bianca_fabrikam.com%23EXT%23@contoso.onmicrosoft.com/sendMail", to("")), 404, "MailboxNotEnabledForRESTAPI")
	d.want(own.ask("POST", "/v1.0/me/sendMail", to(`,"from":{"emailAddress":{"address":"boss@contoso.com"}}`)), 403, "ErrorSendAsDenied")
	d.want(own.ask("POST", "/v1.0/me/sendMail", to(`,"ccRecipients":[{"emailAddress":{"address":"a@contoso.com;b@contoso.com"}}]`)), 400, "ErrorInvalidRecipients")
	d.want(own.ask("POST", "/v1.0/me/sendMail", to(`,"body":{"contentType":"rtf"}`)), 400, "BadRequest")
	d.want(own.ask("POST", "/v1.0/me/sendMail", `{"message":7}`), 400, "BadRequest")
	d.want(own.ask("POST", "/v1.0/me/sendMail", "%%%", "Content-Type: text/plain"), 400, "ErrorMimeContentInvalidBase64String")
	d.want(own.ask("POST", "/v1.0/me/sendMail", "SGVsbG8=", "Content-Type: text/plain"), 400, "ErrorMimeContentInvalid")
	d.want(own.ask("GET", "/v1.0/me/sendMail", nil), 405, "")
	d.want(d.as("adele@contoso.com", "Mail.Send.Shared").ask("POST", "/v1.0/me/sendMail", to("")), 403, "ErrorAccessDenied")
	if len(d.Outbox(0)) != 0 {
		t.Errorf("the outbox has %v", d.Outbox(0))
	}
}

// The outbox holds the newest thousand messages, and no more than 64 MiB of them.
func TestOutboxIsBounded(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Data: filepath.Join(t.TempDir(), "kept")}
	d := inviting(t, nil, opts).app("Mail.Send")
	send := func(body string) {
		d.want(d.ask("POST", "/v1.0/users/adele@contoso.com/sendMail", `{"message":{"body":{"content":"`+body+`"},"toRecipients":[{"emailAddress":{"address":"carl@fabrikam.com"}}]}}`), 202, "")
	}
	for range 1005 {
		send("x")
	}
	if l := d.Outbox(0); len(l) != 1000 || l[0].Seq != 6 || l[999].Seq != 1005 {
		t.Errorf("%d messages from %d", len(l), l[0].Seq)
	}
	large := strings.Repeat("x", 3<<20)
	for range 15 {
		send(large)
	}
	if l := d.Outbox(0); l[len(l)-1].Seq != 1020 || len(l) >= 20 {
		t.Errorf("%d messages to %d", len(l), l[len(l)-1].Seq)
	}
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	if l := inviting(t, nil, opts).Outbox(0); len(l) != 1 || l[0].Seq != 1020 { // a data folder has room for one of them
		t.Errorf("%d messages after a restart", len(l))
	}
}
