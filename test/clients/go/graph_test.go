package clients

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	kiotaauth "github.com/microsoft/kiota-authentication-azure-go"
	kiota "github.com/microsoft/kiota-http-go"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
	msgraph "github.com/microsoftgraph/msgraph-sdk-go-core"

	"nameplate/emulator"
)

// user and users are as the generated models of msgraph-sdk-go are, for three properties.
type user struct{ id, displayName, jobTitle *string }

func newUser(serialization.ParseNode) (serialization.Parsable, error) { return &user{}, nil }

func text(into **string) func(serialization.ParseNode) error {
	return func(n serialization.ParseNode) (err error) {
		*into, err = n.GetStringValue()
		return err
	}
}

func (u *user) GetFieldDeserializers() map[string]func(serialization.ParseNode) error {
	return map[string]func(serialization.ParseNode) error{"id": text(&u.id), "displayName": text(&u.displayName), "jobTitle": text(&u.jobTitle)}
}

func (u *user) Serialize(w serialization.SerializationWriter) error {
	return errors.Join(w.WriteStringValue("displayName", u.displayName), w.WriteStringValue("jobTitle", u.jobTitle))
}

type users struct {
	value []*user
	next  *string
}

func newUsers(serialization.ParseNode) (serialization.Parsable, error) { return &users{}, nil }

func (l *users) GetValue() []*user         { return l.value }
func (l *users) GetOdataNextLink() *string { return l.next }

func (l *users) GetFieldDeserializers() map[string]func(serialization.ParseNode) error {
	return map[string]func(serialization.ParseNode) error{"@odata.nextLink": text(&l.next), "value": func(n serialization.ParseNode) error {
		all, err := n.GetCollectionOfObjectValues(newUser)
		for _, one := range all {
			l.value = append(l.value, one.(*user))
		}
		return err
	}}
}

func (l *users) Serialize(serialization.SerializationWriter) error { return errors.ErrUnsupported }

// odataError is the part of Microsoft's error that is looked at here.
type odataError struct {
	abstractions.ApiError
	code, message, requestID *string
}

func newError(serialization.ParseNode) (serialization.Parsable, error) {
	return &odataError{ApiError: *abstractions.NewApiError()}, nil
}

func (e *odataError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.ResponseStatusCode, deref(e.code), deref(e.message))
}

func (e *odataError) Serialize(serialization.SerializationWriter) error { return errors.ErrUnsupported }

func (e *odataError) GetFieldDeserializers() map[string]func(serialization.ParseNode) error {
	return map[string]func(serialization.ParseNode) error{"error": func(n serialization.ParseNode) error {
		for name, into := range map[string]**string{"code": &e.code, "message": &e.message} {
			c, err := n.GetChildNode(name)
			if err != nil || c == nil {
				return errors.Join(err, fmt.Errorf("the error has no %s", name))
			}
			if err := text(into)(c); err != nil {
				return err
			}
		}
		inner, err := n.GetChildNode("innerError")
		if err != nil || inner == nil {
			return errors.Join(err, errors.New("the error has no innerError"))
		}
		id, err := inner.GetChildNode("request-id")
		if err != nil || id == nil {
			return errors.Join(err, errors.New("the error has no request-id"))
		}
		return text(&e.requestID)(id)
	}}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func ptr(s string) *string { return &s }

var mapping = abstractions.ErrorMappings{"XXX": newError}

func TestGoGraphCore(t *testing.T) {
	t.Parallel()
	abstractions.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory {
		return kiotajson.NewJsonSerializationWriterFactory()
	})
	abstractions.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory { return kiotajson.NewJsonParseNodeFactory() })
	b := newBox(t)
	credential, err := azidentity.NewClientSecretCredential(tenantID, web, secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: b.options(), DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	// No scopes: the library asks for https://<host of Graph>/.default, as it does for a national cloud.
	auth, err := kiotaauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential, nil, []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	// gzip counts the bodies that the library's own middleware compressed.
	gzip := make(chan struct{}, 1000)
	wire := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.CertPool(), MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	options := msgraph.GraphClientOptions{}
	seen := seen{wire, func(r *http.Request) {
		if r.Header.Get("Content-Encoding") == "gzip" {
			gzip <- struct{}{}
		}
	}}
	client := &http.Client{Transport: kiota.NewCustomTransportWithParentTransport(seen, msgraph.GetDefaultMiddlewaresWithOptions(&options)...)}
	adapter, err := msgraph.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(auth, options, nil, nil, client)
	if err != nil {
		t.Fatal(err)
	}
	adapter.SetBaseUrl(b.Graph + "/v1.0")
	request := func(method abstractions.HttpMethod, path string, body *user) *abstractions.RequestInformation {
		r := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(method, "{+baseurl}"+path, map[string]string{"baseurl": adapter.GetBaseUrl()})
		r.Headers.TryAdd("Accept", "application/json")
		if body != nil {
			if err := r.SetContentFromParsable(context.Background(), adapter, "application/json", body); err != nil {
				t.Error(err)
			}
		}
		return r
	}
	get := func(t *testing.T, upn string) *user {
		t.Helper()
		u, err := adapter.Send(t.Context(), request(abstractions.GET, "/users/"+upn, nil), newUser, mapping)
		if err != nil {
			t.Fatal(err)
		}
		return u.(*user)
	}

	t.Run("an edit whose body the library compresses arrives", func(t *testing.T) {
		long := "Director of everything that has a name, and of some things that have none, in all the offices of this company"
		if err := adapter.SendNoContent(t.Context(), request(abstractions.PATCH, "/users/adele@contoso.com", &user{jobTitle: &long}), mapping); err != nil {
			t.Fatal(err)
		}
		if got := deref(get(t, "adele@contoso.com").jobTitle); got != long {
			t.Errorf("jobTitle is %q", got)
		}
		select {
		case <-gzip:
		default:
			t.Error("the library did not compress: this test shows nothing")
		}
	})

	for _, top := range []int{999, 100} {
		t.Run(fmt.Sprintf("PageIterator in pages of %d", top), func(t *testing.T) {
			first, err := adapter.Send(t.Context(), request(abstractions.GET, fmt.Sprintf("/users?$select=id,displayName&$top=%d", top), nil), newUsers, mapping)
			if err != nil {
				t.Fatal(err)
			}
			it, err := msgraph.NewPageIterator[*user](first, adapter, newUsers)
			if err != nil {
				t.Fatal(err)
			}
			ids := map[string]bool{}
			if err := it.Iterate(t.Context(), func(u *user) bool {
				ids[deref(u.id)] = true
				return true
			}); err != nil {
				t.Fatal(err)
			}
			if len(ids) != people {
				t.Errorf("%d people, want %d", len(ids), people)
			}
		})
	}

	t.Run("a batch with a step that depends on another", func(t *testing.T) {
		batch := msgraph.NewBatchRequest(adapter)
		patch, err := batch.AddBatchRequestStep(*request(abstractions.PATCH, "/users/megan@contoso.com", &user{jobTitle: ptr("Owner")}))
		if err != nil {
			t.Fatal(err)
		}
		read, err := batch.AddBatchRequestStep(*request(abstractions.GET, "/users/megan@contoso.com?$select=jobTitle", nil))
		if err != nil {
			t.Fatal(err)
		}
		read.DependsOnItem(patch)
		missing, err := batch.AddBatchRequestStep(*request(abstractions.GET, "/users/nobody@contoso.com", nil))
		if err != nil {
			t.Fatal(err)
		}
		missing.DependsOnItem(patch) // a batch is parallel, one after the other, or all wait for the same
		answer, err := batch.Send(t.Context(), adapter)
		if err != nil {
			t.Fatal(err)
		}
		u, err := msgraph.GetBatchResponseById[*user](answer, *read.GetId(), newUser)
		if err != nil {
			t.Fatal(err)
		}
		if deref(u.jobTitle) != "Owner" {
			t.Errorf("jobTitle is %q", deref(u.jobTitle))
		}
		if failed := answer.GetFailedResponses(); len(failed) != 1 || failed[*missing.GetId()] != http.StatusNotFound {
			t.Errorf("failed: %v", failed)
		}
	})

	t.Run("fifty requests as a collection of batches", func(t *testing.T) {
		batch := msgraph.NewBatchRequestCollection(adapter)
		for i := range 50 {
			if _, err := batch.AddBatchRequestStep(*request(abstractions.GET, fmt.Sprintf("/users/p%04d@contoso.com?$select=id", i), nil)); err != nil {
				t.Fatal(err)
			}
		}
		answer, err := batch.Send(t.Context(), adapter)
		if err != nil {
			t.Fatal(err)
		}
		if n, failed := len(answer.GetResponses()), answer.GetFailedResponses(); n != 50 || len(failed) != 0 {
			t.Errorf("%d answers, failed: %v", n, failed)
		}
	})

	t.Run("its retry handler obeys Retry-After, and the change is made once", func(t *testing.T) {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
			before := len(b.e.Ledger(0))
			b.e.Inject(emulator.Rule{Match: emulator.Match{Method: "PATCH", Times: 2}, Do: emulator.Do{Status: status, RetryAfter: "1"}})
			r := request(abstractions.PATCH, "/users/megan@contoso.com", &user{jobTitle: ptr(fmt.Sprint("After ", status))})
			// Compressed, a second attempt may arrive uncompressed and be refused: https://github.com/microsoft/kiota-http-go/issues/183
			off := kiota.NewCompressionOptionsReference(false)
			r.AddRequestOptions([]abstractions.RequestOption{off})
			if err := adapter.SendNoContent(t.Context(), r, mapping); err != nil {
				t.Error(status, err)
			}
			if n := len(b.e.Ledger(0)) - before; n != 1 {
				t.Errorf("%d: %d changes", status, n)
			}
		}
	})

	t.Run("errors have code, message and request id", func(t *testing.T) {
		_, err := adapter.Send(t.Context(), request(abstractions.GET, "/users/nobody@contoso.com", nil), newUser, mapping)
		var e *odataError
		if !errors.As(err, &e) || e.ResponseStatusCode != http.StatusNotFound || deref(e.code) != "Request_ResourceNotFound" || deref(e.requestID) == "" {
			t.Error(err)
		}
	})
}

// seen looks at what goes onto the wire.
type seen struct {
	http.RoundTripper
	look func(*http.Request)
}

func (s seen) RoundTrip(r *http.Request) (*http.Response, error) {
	s.look(r)
	return s.RoundTripper.RoundTrip(r)
}
