package clients

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-azure-sdk/sdk/auth"
	"github.com/hashicorp/go-azure-sdk/sdk/environments"
)

// The library under Terraform's azuread provider takes its trust from the environment of its process, so this test runs itself again
// in one of its own.
func TestTerraformSDK(t *testing.T) {
	t.Parallel()
	if os.Getenv("TERRAFORM_METADATA_HOST") != "" {
		terraform(t, os.Getenv("TERRAFORM_METADATA_HOST"))
		return
	}
	b := newBox(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTerraformSDK$", "-test.count=1")
	cmd.Env = append(os.Environ(), "TERRAFORM_METADATA_HOST="+b.Authority, "SSL_CERT_FILE="+b.CAFile)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// terraform learns everything but the tenant and the credential from one address, as metadata_host in a provider block does.
func terraform(t *testing.T, host string) {
	ctx := context.Background()
	env, err := environments.FromEndpoint(ctx, host)
	if err != nil {
		t.Fatal(err)
	}
	graph, ok := env.MicrosoftGraph.Endpoint()
	if !ok || *graph != host {
		t.Fatalf("Graph is at %v, want %s", graph, host)
	}
	authorizer, err := auth.NewAuthorizerFromCredentials(ctx, auth.Credentials{
		Environment: *env, TenantID: tenantID, ClientID: web, ClientSecret: secret, EnableAuthenticatingUsingClientSecret: true,
	}, env.MicrosoftGraph)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, *graph+"/v1.0/users/adele@contoso.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := authorizer.Token(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	token.SetAuthHeader(r)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		t.Error(answer.Status, err)
	}
}
