package emulator

import (
	"net/http"
	"strings"
)

// graphHost is the name that tokens for Graph carry, whatever address the emulator has.
const graphHost = "graph.microsoft.com"

// issuerOf is the v2.0 issuer as this client must see it: scheme, host and port of the address it used.
func issuerOf(r *http.Request, tenantID string) string { return origin(r) + "/" + tenantID + "/v2.0" }

// serveDiscovery answers the OpenID configuration: https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc
// There is no code_challenge_methods_supported, as there is none at the service.
func (e *Emulator) serveDiscovery(w http.ResponseWriter, r *http.Request, a authorityRequest, v2 bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	base, o := origin(r)+"/"+a.path(), origin(r)
	id := "{tenantid}"
	if a.tenant != nil {
		id = a.tenant.id
	}
	doc := map[string]any{
		"token_endpoint_auth_methods_supported":      []string{"client_secret_post", "private_key_jwt", "client_secret_basic", "self_signed_tls_client_auth"},
		"response_modes_supported":                   []string{"query", "fragment", "form_post"},
		"subject_types_supported":                    []string{"pairwise"},
		"id_token_signing_alg_values_supported":      []string{"RS256"},
		"response_types_supported":                   []string{"code", "id_token", "code id_token", "id_token token"},
		"scopes_supported":                           []string{"openid", "profile", "email", "offline_access"},
		"request_uri_parameter_supported":            false,
		"userinfo_endpoint":                          o + "/oidc/userinfo",
		"http_logout_supported":                      true,
		"frontchannel_logout_supported":              true,
		"kerberos_endpoint":                          base + "/kerberos",
		"mtls_endpoint_aliases":                      map[string]string{"token_endpoint": base + "/oauth2/v2.0/token"},
		"tls_client_certificate_bound_access_tokens": true,
		"tenant_region_scope":                        nil,
		"cloud_instance_name":                        "microsoftonline.com",
		"cloud_graph_host_name":                      "graph.windows.net",
		"msgraph_host":                               r.Host,
		"rbac_url":                                   "https://pas.windows.net",
		"claims_supported": []string{
			"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host", "aud", "exp", "iat",
			"auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
		},
	}
	if a.tenant != nil {
		doc["tenant_region_scope"] = region(a.tenant.country)
	}
	if v2 {
		doc["issuer"] = o + "/" + id + "/v2.0"
		doc["authorization_endpoint"] = base + "/oauth2/v2.0/authorize"
		doc["token_endpoint"] = base + "/oauth2/v2.0/token"
		doc["device_authorization_endpoint"] = base + "/oauth2/v2.0/devicecode"
		doc["end_session_endpoint"] = base + "/oauth2/v2.0/logout"
		doc["jwks_uri"] = base + "/discovery/v2.0/keys"
	} else {
		doc["issuer"] = stsIssuer(id)
		doc["authorization_endpoint"] = base + "/oauth2/authorize"
		doc["token_endpoint"] = base + "/oauth2/token"
		doc["device_authorization_endpoint"] = base + "/oauth2/devicecode"
		doc["end_session_endpoint"] = base + "/oauth2/logout"
		doc["jwks_uri"] = base + "/discovery/keys"
		doc["check_session_iframe"] = base + "/oauth2/checksession"
		doc["microsoft_multi_refresh_token"] = true
		delete(doc, "scopes_supported")
		doc["scopes_supported"] = []string{"openid"}
	}
	e.login.mu.Lock()
	if e.login.issuer != "" {
		doc["issuer"] = strings.ReplaceAll(e.login.issuer, "{tenantid}", id)
	}
	e.login.mu.Unlock()
	publicAnswer(w)
	writeLoginJSON(w, http.StatusOK, doc)
}

// region is tenant_region_scope, as far as a country tells.
func region(country string) string {
	switch strings.ToUpper(country) {
	case "US", "CA":
		return "NA"
	case "DE", "FR", "GB", "NL", "ES", "IT", "AT", "CH", "SE", "NO", "DK", "FI", "PL", "IE", "BE":
		return "EU"
	case "AU", "NZ":
		return "OC"
	case "JP", "IN", "SG", "KR":
		return "AS"
	}
	return "WW"
}

// publicAnswer sets the headers of documents that anybody may fetch and keep.
func publicAnswer(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "max-age=86400, private")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Methods", "GET, OPTIONS")
}

func (e *Emulator) serveKeys(w http.ResponseWriter, r *http.Request, a authorityRequest) {
	keys, err := e.keys.published()
	if err != nil {
		http.Error(w, "signing keys cannot be made", http.StatusInternalServerError)
		return
	}
	id := "{tenantid}"
	if a.tenant != nil {
		id = a.tenant.id
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.jwk(origin(r)+"/"+id+"/v2.0"))
	}
	publicAnswer(w)
	writeLoginJSON(w, http.StatusOK, set)
}

// serveInstance answers instance discovery, by which client libraries ask whether an authority is one of Microsoft's.
func (e *Emulator) serveInstance(w http.ResponseWriter, r *http.Request) {
	segment := "common"
	if u := r.URL.Query().Get("authorization_endpoint"); u != "" {
		if _, rest, ok := strings.Cut(u, "://"); ok {
			if parts := strings.Split(rest, "/"); len(parts) > 1 && parts[1] != "" {
				segment = parts[1]
			}
		}
	}
	publicAnswer(w)
	writeLoginJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": origin(r) + "/" + segment + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []map[string]any{{
			"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host},
		}},
	})
}

// serveRealm tells a client library whether a user name belongs to a managed or a federated domain.
func (e *Emulator) serveRealm(w http.ResponseWriter, r *http.Request, name string) {
	_, domain, _ := strings.Cut(name, "@")
	kind := "Unknown"
	e.mu.RLock()
	for _, t := range e.tenants {
		for _, d := range t.domains {
			if strings.EqualFold(d.Name, domain) {
				kind = "Managed"
				if d.Federated {
					kind = "Federated"
				}
			}
		}
	}
	e.mu.RUnlock()
	writeLoginJSON(w, http.StatusOK, map[string]any{
		"ver": "1.0", "account_type": kind, "domain_name": domain,
		"cloud_instance_name": r.Host, "cloud_audience_urn": "urn:federation:MicrosoftOnline",
	})
}

// SwapIssuer makes discovery name another issuer than the one that signs ("{tenantid}" stands for the tenant's id), as a
// metadata document would that was swapped on its way; "" tells the truth again.
func (e *Emulator) SwapIssuer(issuer string) {
	e.login.mu.Lock()
	defer e.login.mu.Unlock()
	e.login.issuer = issuer
}

func stsIssuer(tenantID string) string { return "https://sts.windows.net/" + tenantID + "/" }

// serveMetadata answers what Azure tools ask to learn a cloud's addresses; with it one variable (Terraform: metadata_host) leads
// them here. Only sign-in and Graph are ours; the rest is named as the public cloud has it.
func (e *Emulator) serveMetadata(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(strings.Trim(r.URL.Path, "/"), "metadata/endpoints") {
		http.NotFound(w, r)
		return
	}
	cloud := map[string]any{
		"name": "AzureCloud",
		"authentication": map[string]any{
			"loginEndpoint": origin(r), "tenant": "common", "identityProvider": "AAD",
			"audiences": []string{"https://management.core.windows.net/", "https://management.azure.com/"},
		},
		"resourceManager": "https://management.azure.com/", "portal": "https://portal.azure.com", "graph": "https://graph.windows.net/",
		"graphAudience": "https://graph.windows.net/", "microsoftGraphResourceId": origin(r) + "/", "suffixes": map[string]string{},
	}
	if r.URL.Query().Get("api-version") == "2019-05-01" {
		writeLoginJSON(w, http.StatusOK, []any{cloud})
		return
	}
	writeLoginJSON(w, http.StatusOK, cloud)
}
