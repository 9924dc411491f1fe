package emulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/mail"
	"slices"
	"strings"
)

// Mail that people and applications send: https://learn.microsoft.com/en-us/graph/api/user-sendmail. Refusals are Exchange's, not the
// directory's.

// sentMessage is what is read of a message: https://learn.microsoft.com/en-us/graph/api/resources/message
type sentMessage struct {
	Subject *string `json:"subject"`
	Body    struct {
		Type    *string `json:"contentType"`
		Content *string `json:"content"`
	} `json:"body"`
	Weight *string        `json:"importance"`
	From   *emailAddress  `json:"from"`
	To     []emailAddress `json:"toRecipients"`
	Cc     []emailAddress `json:"ccRecipients"`
	Bcc    []emailAddress `json:"bccRecipients"`
}

// sendMail answers POST /me/sendMail and /users/{key}/sendMail.
func (c *call) sendMail(key string) error {
	if err := c.method(http.MethodPost); err != nil {
		return err
	}
	if !c.p.holds("Mail.Send", "Mail.Send.Shared") {
		return noMailAccess()
	}
	m, err := c.readMail()
	if err != nil {
		return err
	}
	c.e.mu.RLock()
	u := c.t.dir.user(key)
	own, address := u != nil && c.p.self(u), ""
	if u != nil && !u.guest() {
		address = unquote(u.rec.get(pMail))
	}
	c.e.mu.RUnlock()
	switch {
	case u == nil:
		// text as quoted in https://github.com/microsoftgraph/microsoft-graph-docs/issues/4097
		return failure(http.StatusNotFound, "ErrorInvalidUser", "The requested user '%s' is invalid.", key)
	case own && !c.p.holds("Mail.Send"), c.p.delegated() && !own:
		return noMailAccess() // nobody has been given another one's mailbox
	case address == "":
		return noMailbox()
	case m.From != "" && !strings.EqualFold(m.From, address):
		// text as quoted in https://github.com/SMTP2Graph/SMTP2Graph/issues/28
		return failure(http.StatusForbidden, "ErrorSendAsDenied",
			"The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account., Cannot submit message.")
	}
	if err := checkRecipients(slices.Concat(m.To, m.Cc, m.Bcc)); err != nil {
		return err
	}
	m.Sender, m.From = u.id, address
	c.e.outbox.add(m)
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

// noMailbox: https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/405; text as quoted in
// https://github.com/microsoft/MicrosoftCloud/issues/41
func noMailbox() *graphError {
	return failure(http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
}

// noMailAccess: text as quoted in https://github.com/microsoftgraph/microsoft-graph-docs/issues/3996 and many others.
func noMailAccess() *graphError {
	return failure(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
}

// checkRecipients: texts as quoted in https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/1891 and
// https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/803
func checkRecipients(to []string) error {
	if len(to) == 0 {
		return failure(http.StatusBadRequest, "ErrorInvalidRecipients", "At least one recipient is not valid., A message can't be sent because it contains no recipients.")
	}
	for _, address := range to {
		if name, domain, _ := strings.Cut(address, "@"); name == "" || !mailDomain(domain) {
			return failure(http.StatusBadRequest, "ErrorInvalidRecipients",
				"At least one recipient is not valid., Recipient '%s' is not resolved. All recipients must be resolved before a message can be submitted.", address)
		}
	}
	return nil
}

// readMail reads the message of a request, in JSON or as MIME in base64.
func (c *call) readMail() (Mail, error) {
	if ct, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); strings.EqualFold(strings.TrimSpace(ct), "text/plain") {
		return c.readMIME()
	}
	m := c.mail("sendMail")
	body, err := c.object()
	if err != nil {
		return m, err
	}
	var sent *sentMessage
	for name, raw := range body {
		if strings.EqualFold(name, "message") {
			m.Message = raw
			if json.Unmarshal(raw, &sent) != nil {
				return m, badJSON()
			}
		}
	}
	if sent == nil {
		return m, failure(http.StatusBadRequest, "ErrorInvalidRequest", "The parameter 'Message' is missing.") // assumed
	}
	m.ContentType = "text"
	if t := sent.Body.Type; t != nil {
		if m.ContentType = strings.ToLower(*t); m.ContentType != "text" && m.ContentType != "html" {
			return m, badJSON()
		}
	}
	if w := sent.Weight; w != nil && !slices.Contains([]string{"low", "normal", "high"}, strings.ToLower(*w)) {
		return m, badJSON()
	}
	if sent.Subject != nil {
		m.Subject = *sent.Subject
	}
	if sent.Body.Content != nil {
		m.Body = *sent.Body.Content
	}
	if sent.From != nil {
		m.From = sent.From.address()
	}
	m.To, m.Cc, m.Bcc = addressesIn(sent.To), addressesIn(sent.Cc), addressesIn(sent.Bcc)
	return m, nil
}

func addressesIn(list []emailAddress) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.address())
	}
	return out
}

// readMIME reads a message as RFC 5322 has it. Of one that is made of several parts the body stays as it came.
func (c *call) readMIME() (Mail, error) {
	m := c.mail("sendMail")
	given, err := c.body()
	if err != nil {
		return m, err
	}
	code := bytes.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == ' ' {
			return -1
		}
		return r
	}, given)
	raw, err := base64.StdEncoding.DecodeString(string(code))
	if err != nil {
		return m, failure(http.StatusBadRequest, "ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.")
	}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return m, failure(http.StatusBadRequest, "ErrorMimeContentInvalid", "The MIME content is invalid.") // assumed
	}
	body, err := io.ReadAll(msg.Body)
	if err != nil {
		return m, badJSON()
	}
	m.ContentType, m.Body, m.Message = "text", string(body), json.RawMessage(jsonOf(string(code)))
	if strings.HasPrefix(strings.ToLower(msg.Header.Get("Content-Type")), "text/html") {
		m.ContentType = "html"
	}
	m.Subject = msg.Header.Get("Subject")
	if plain, err := new(mime.WordDecoder).DecodeHeader(m.Subject); err == nil { // RFC 2047
		m.Subject = plain
	}
	for name, list := range map[string]*[]string{"To": &m.To, "Cc": &m.Cc, "Bcc": &m.Bcc} {
		if found, err := msg.Header.AddressList(name); err == nil {
			for _, a := range found {
				*list = append(*list, a.Address)
			}
		}
	}
	if from, err := msg.Header.AddressList("From"); err == nil && len(from) > 0 {
		m.From = from[0].Address
	}
	return m, nil
}
