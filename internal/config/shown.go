package config

import (
	"strconv"
	"strings"
	"time"
)

// Shown is one setting as it is in force. Value holds no secret; "" is not set.
type Shown struct{ Key, Value string }

// Shown are the settings of the first organization in the order of the table, secrets as ***; those about the machine, which several
// organizations would share, only with machine.
func (c Config) Shown(machine bool) []Shown {
	values := map[string]string{
		"public_url": c.PublicURL.String(), "listen": c.Listen, "health_listen": c.HealthListen, "tls_certificate": c.TLSCertificate, "tls_key": c.TLSKey,
		"trusted_proxies": strings.Join(c.TrustedProxies, ", "), "database": hidden(c.Database), "key_file": c.KeyFile,
		"tenant": c.Tenant, "client_id": c.ClientID, "client_secret": hidden(c.ClientSecret), "client_certificate": c.Certificate,
		"federated_token_file": c.FederatedTokenFile, "managed_identity": c.ManagedIdentity, "cloud": c.Cloud.Name,
		"authority": c.Cloud.Authority, "token_authority": c.Cloud.Tokens, "graph": c.Cloud.Graph, "ca_file": c.CAFile,
		"delegated_only": yesNo(c.DelegatedOnly), "features": strings.Join(c.Features, ", "), "pilot_groups": strings.Join(c.PilotGroups, ", "),
		"sync_every": length(c.SyncEvery), "sync_group": c.SyncGroup, "sync_filter": c.SyncFilter,
		"brake_people": strconv.Itoa(c.Brake.People), "brake_percent": strconv.Itoa(c.Brake.Percent), "brake_deletions": strconv.Itoa(c.Brake.Deletions),
		"brake_privileged": strconv.Itoa(c.Brake.Privileged), "plan_keep": length(c.PlanKeep),
		"policy": c.Policy, "name": c.Name, "accent": c.Accent, "logo": c.Logo, "support": c.Support, "privacy_url": c.PrivacyURL, "language": c.Language,
		"session_idle": length(c.SessionIdle), "session_limit": length(c.SessionLimit), "photo_keep": length(c.PhotoKeep), "leaver_days": strconv.Itoa(c.LeaverDays),
		"log_format": c.LogFormat, "log_level": c.LogLevel, "log_personal": yesNo(c.LogPersonal),
	}
	var out []Shown
	for _, s := range Settings() {
		if v, known := values[s.Key]; known && (machine || !s.Machine) {
			out = append(out, Shown{s.Key, v})
		}
	}
	return out
}

func hidden(s Secret) string {
	if s == "" {
		return ""
	}
	return s.String()
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// length is a time as the file has it: 12h and not 12h0m0s.
func length(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}
