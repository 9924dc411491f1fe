package emulator

import (
	"net/http"
	"net/url"
	"strings"
)

// graphHost is the name that tokens for Graph carry, whatever address the emulator has.
const graphHost = "graph.microsoft.com"

// serveDiscovery answers the OpenID configuration: https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc
// There is no code_challenge_methods_supported, as there is none at the service.
func (e *Emulator) serveDiscovery(w http.ResponseWriter, r *http.Request, a authorityRequest, v2 bool) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	s := siteOf(r)
	base := s.login + "/" + a.path()
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
		"userinfo_endpoint":                          s.graph + "/oidc/userinfo",
		"http_logout_supported":                      true,
		"frontchannel_logout_supported":              true,
		"kerberos_endpoint":                          base + "/kerberos",
		"mtls_endpoint_aliases":                      map[string]string{"token_endpoint": base + "/oauth2/v2.0/token"},
		"tls_client_certificate_bound_access_tokens": true,
		"tenant_region_scope":                        nil,
		"cloud_instance_name":                        s.cloud.instance(),
		"cloud_graph_host_name":                      "graph.windows.net",
		"msgraph_host":                               strings.TrimPrefix(strings.TrimPrefix(s.graph, "https://"), "http://"),
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
		doc["issuer"] = s.issuerOf(id)
		doc["authorization_endpoint"] = base + "/oauth2/v2.0/authorize"
		doc["token_endpoint"] = base + "/oauth2/v2.0/token"
		doc["device_authorization_endpoint"] = base + "/oauth2/v2.0/devicecode"
		doc["end_session_endpoint"] = base + "/oauth2/v2.0/logout"
		doc["jwks_uri"] = base + "/discovery/v2.0/keys"
	} else {
		doc["issuer"] = s.stsOf(id)
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
		set.Keys = append(set.Keys, k.jwk(siteOf(r).issuerOf(id)))
	}
	publicAnswer(w)
	writeLoginJSON(w, http.StatusOK, set)
}

// serveInstance answers instance discovery, by which client libraries ask whether an authority is one of Microsoft's:
// https://learn.microsoft.com/en-us/entra/msal/dotnet/advanced/custom-authority-aliases
// Under an address of this machine the authority that asks is the only one there is.
func (e *Emulator) serveInstance(w http.ResponseWriter, r *http.Request) {
	segment, asked := "common", r.Host
	if u, err := url.Parse(r.URL.Query().Get("authorization_endpoint")); err == nil && u.Host != "" {
		asked = u.Host
		if first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/"); first != "" {
			segment = first
		}
	}
	from := origin(r)
	aliases := []map[string]any{{"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host}}}
	if siteOf(r).real {
		c, graph := cloudAt(asked)
		if c == nil || graph {
			e.writeOAuthError(w, r, aadsts("invalid_instance", 50049, "Unknown or invalid instance."))
			return
		}
		from, aliases = "https://"+asked, nil
		for _, c := range clouds {
			aliases = append(aliases, map[string]any{"preferred_network": c.network, "preferred_cache": c.cache, "aliases": c.aliases})
		}
	}
	publicAnswer(w)
	writeLoginJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": from + "/" + segment + "/v2.0/.well-known/openid-configuration", "api-version": "1.1", "metadata": aliases,
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

// serveMetadata answers what Azure tools ask to learn a cloud's addresses; with it one variable (Terraform: metadata_host) leads
// them here. Only sign-in and Graph are ours; the rest is named as the public cloud has it. The members are those that
// hashicorp/go-azure-sdk (sdk/internal/metadata) and azure-cli-core (cloud.py) read.
func (e *Emulator) serveMetadata(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(strings.Trim(r.URL.Path, "/"), "metadata/endpoints") {
		http.NotFound(w, r)
		return
	}
	s := siteOf(r)
	cloud := map[string]any{
		"name": s.cloud.azure,
		"authentication": map[string]any{
			"loginEndpoint": s.login, "tenant": "common", "identityProvider": "AAD",
			"audiences": []string{s.cloud.classic, s.cloud.manage},
		},
		"resourceManager": s.cloud.manage, "portal": s.cloud.portal, "microsoftGraphResourceId": s.graph + "/",
		"graph": "https://graph.windows.net/", "graphAudience": "https://graph.windows.net/", "media": "https://rest.media.azure.net",
		"batch": "https://batch.core.windows.net/", "sqlManagement": "https://management.core.windows.net:8443/",
		"attestationResourceId": "https://attest.azure.net", "synapseAnalyticsResourceId": "https://dev.azuresynapse.net",
		"logAnalyticsResourceId": "https://api.loganalytics.io", "ossrDbmsResourceId": "https://ossrdbms-aad.database.windows.net",
		"suffixes": map[string]string{
			"acrLoginServer": "azurecr.io", "sqlServerHostname": "database.windows.net", "keyVaultDns": "vault.azure.net",
			"storage": "core.windows.net", "mhsmDns": "managedhsm.azure.net", "mysqlServerEndpoint": "mysql.database.azure.com",
			"postgresqlServerEndpoint": "postgres.database.azure.com", "mariadbServerEndpoint": "mariadb.database.azure.com",
			"storageSyncEndpointSuffix": "afs.azure.net", "azureFrontDoorEndpointSuffix": "azurefd.net",
			"synapseAnalytics": "dev.azuresynapse.net", "attestationEndpoint": "attest.azure.net",
		},
	}
	switch r.URL.Query().Get("api-version") {
	case "":
		writeLoginJSON(w, http.StatusBadRequest, map[string]any{"error": map[string]string{
			"code": "MissingApiVersionParameter", "message": "The api-version query parameter (?api-version=) is required for all requests.",
		}})
	case "2019-05-01":
		writeLoginJSON(w, http.StatusOK, []any{cloud})
	default:
		writeLoginJSON(w, http.StatusOK, cloud)
	}
}
