package emulator_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"nameplate/emulator"
)

// What Graph changes of the organization is read, kept and in a snapshot. https://learn.microsoft.com/en-us/graph/api/organization-update
func TestS2_4_OrganizationIsChanged(t *testing.T) {
	t.Parallel()
	opts := emulator.Options{Organizations: organizations()[:1], Data: filepath.Join(t.TempDir(), "kept")}
	d := newDesk(t, opts)
	const path = "/v1.0/organization/" + contosoID
	admin := d.as("admin@contoso.com", "Organization.ReadWrite.All")
	d.want(admin.ask("PATCH", path, `{"technicalNotificationMails":["it@contoso.com"],"privacyProfile":{"statementUrl":"https://contoso.com/privacy"}}`), 204, "")
	for _, bad := range []string{`{"displayName":"Other"}`, `{"technicalNotificationMails":"it@contoso.com"}`, `{"technicalNotificationMails":null}`, `{"privacyProfile":{"other":"x"}}`, `[]`} {
		d.want(admin.ask("PATCH", path, bad), 400, "")
	}
	d.want(admin.ask("PATCH", "/v1.0/organization/"+fabrikamID, `{}`), 404, "Request_ResourceNotFound")
	d.want(admin.ask("PATCH", "/v1.0/organization", `{}`), 405, "")
	d.want(d.app("Organization.Read.All").ask("PATCH", path, `{}`), 403, "Authorization_RequestDenied")
	if l := d.Ledger(0); len(l) != 1 || l[0].Op != "organization.update" || l[0].Object != contosoID {
		t.Errorf("ledger %+v", l)
	}
	if got := activitiesOf(d.audits("")); fmt.Sprint(got) != "[DirectoryManagement: Set Company Information]" {
		t.Errorf("audits %v", got)
	}
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	const want = "[it@contoso.com] map[contactEmail:<nil> statementUrl:https://contoso.com/privacy] []"
	for where, d := range map[string]*desk{"": d, "restarted": newDesk(t, opts), "a snapshot": newDesk(t, emulator.Options{Organizations: d.Snapshot()})} {
		r := d.app("Organization.Read.All").ask("GET", path, nil)
		if got := fmt.Sprintf("%v %v %v", r.body["technicalNotificationMails"], r.body["privacyProfile"], r.body["marketingNotificationEmails"]); got != want {
			t.Errorf("%s: %s, wanted %s", where, got, want)
		}
	}
	if _, err := emulator.New(emulator.Options{Organizations: []emulator.Organization{{Values: map[string]any{"motto": "x"}}}}); err == nil {
		t.Error("a value that an organization does not have was taken")
	}
}
