// Command bulk gives many people another department with Microsoft's library for Go, as its page on batches shows it. `make bench` runs it
// beside Nameplate. The world comes as JSON in the file of the first argument; "again" as the second sends again what failed inside a
// batch, until nothing fails.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	kiotaauth "github.com/microsoft/kiota-authentication-azure-go"
	kiota "github.com/microsoft/kiota-http-go"
	kiotajson "github.com/microsoft/kiota-serialization-json-go"
	msgraph "github.com/microsoftgraph/msgraph-sdk-go-core"
)

// world is what a client of the comparison is told.
type world struct {
	Graph, Token string
	CA           string `json:"ca"` // file
	IDs          []string
}

// fixed is a token that was fetched before.
type fixed string

func (f fixed) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(f), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// user is as the generated model of msgraph-sdk-go is, for one property.
type user struct{ department string }

func (u *user) Serialize(w serialization.SerializationWriter) error {
	return w.WriteStringValue("department", &u.department)
}

func (u *user) GetFieldDeserializers() map[string]func(serialization.ParseNode) error { return nil }

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var w world
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	ca, err := os.ReadFile(w.CA)
	if err != nil {
		return err
	}
	abstractions.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory { return kiotajson.NewJsonSerializationWriterFactory() })
	abstractions.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory { return kiotajson.NewJsonParseNodeFactory() })
	auth, err := kiotaauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(fixed(w.Token), nil, []string{"127.0.0.1"})
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	wire := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	options := msgraph.GraphClientOptions{}
	client := &http.Client{Transport: kiota.NewCustomTransportWithParentTransport(wire, msgraph.GetDefaultMiddlewaresWithOptions(&options)...)}
	adapter, err := msgraph.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(auth, options, nil, nil, client)
	if err != nil {
		return err
	}
	adapter.SetBaseUrl(w.Graph + "/v1.0")

	left := make([]int, len(w.IDs))
	for i := range left {
		left[i] = i
	}
	for {
		batch := msgraph.NewBatchRequestCollectionWithLimit(adapter, 1+len(left)/19)
		of := map[string]int{}
		for _, i := range left {
			r := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(abstractions.PATCH, "{+baseurl}/users/"+w.IDs[i], map[string]string{"baseurl": adapter.GetBaseUrl()})
			if err := r.SetContentFromParsable(ctx, adapter, "application/json", &user{fmt.Sprintf("Department %d", i)}); err != nil {
				return err
			}
			item, err := batch.AddBatchRequestStep(*r)
			if err != nil {
				return err
			}
			of[*item.GetId()] = i
		}
		answer, err := batch.Send(ctx, adapter)
		if err != nil {
			return err
		}
		failed := answer.GetFailedResponses()
		if len(os.Args) < 3 || len(failed) == 0 { // Send says nothing of what failed inside
			return nil
		}
		left = left[:0]
		for id := range failed {
			i, ok := of[id]
			if !ok {
				return errors.New("an answer to nothing")
			}
			left = append(left, i)
		}
		slices.Sort(left)
		time.Sleep(time.Second)
	}
}
