package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
)

// graphPermission is a permission of Microsoft Graph: its id as a delegated one and as an application role, "" where it is none.
type graphPermission struct{ name, scope, role string }

// graphPermissions are those with ids from the permissions reference (https://learn.microsoft.com/en-us/graph/permissions-reference),
// compared with microsoftgraph/microsoft-graph-devx-content, August 2026.
var graphPermissions = []graphPermission{
	{"openid", "37f7f235-527c-4136-accd-4a02d197296e", ""},
	{"profile", "14dad69e-099b-42c9-810b-d002981feec1", ""},
	{"email", "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0", ""},
	{"offline_access", "7427e0e9-2fba-42fe-b0c0-848c9e6a8182", ""},
	{"User.Read", "e1fe6dd8-ba31-4d61-89e7-88639da4683d", ""},
	{"User.ReadWrite", "b4e74841-8e56-480b-be8b-910348b18b4c", ""},
	{"User.ReadBasic.All", "b340eb25-3456-403f-be2f-af7a0d370277", "97235f07-e226-4f63-ace3-39588e11d3a1"},
	{"User.Read.All", "a154be20-db9c-4678-8ab7-66f6cc099a59", "df021288-bdef-4463-88db-98f22de89214"},
	{"User.ReadWrite.All", "204e0828-b5ca-4ad8-b9f3-f32a958e7cc4", "741f803b-c850-494e-b5df-cde7c675a1ca"},
	{"User.ManageIdentities.All", "637d7bec-b31e-4deb-acc9-24275642a2c9", "c529cfca-c91b-489c-af2b-d92990b66ce6"},
	{"User.EnableDisableAccount.All", "f92e74e7-2563-467f-9dd0-902688cb5863", "3011c876-62b7-4ada-afa2-506cbbecc68c"},
	{"User.RevokeSessions.All", "fc30e98b-8810-4501-81f5-c20a3196387b", "77f3a031-c388-4f99-b373-dc68676a979e"},
	{"User.DeleteRestore.All", "4bb440cd-2cf2-4f90-8004-aa2acd2537c5", "eccc023d-eccf-4e7b-9683-8813ab36cecc"},
	{"User.Invite.All", "63dd7cd9-b489-4adf-a28c-ac38b9a0f962", "09850681-111b-4a89-9bed-3f2cae46d706"},
	{"User-LifeCycleInfo.Read.All", "ed8d2a04-0374-41f1-aefe-da8ac87ccc87", "8556a004-db57-4d7a-8b82-97a13428e96f"},
	{"User-LifeCycleInfo.ReadWrite.All", "7ee7473e-bd4b-4c9f-987c-bd58481f5fa2", "925f1248-0f97-47b9-8ec8-538c54e01325"},
	{"User-Phone.ReadWrite.All", "e29d5979-5b06-4a7f-ae24-6a9348d2e1ff", "86ceff06-c822-49ff-989a-d912845ffe69"},
	{"User-Mail.ReadWrite.All", "6166886a-9576-433b-8544-658177bdef1d", "280d0935-0796-47d1-8d26-273470a3f17a"},
	{"User-PasswordProfile.ReadWrite.All", "56760768-b641-451f-8906-e1b8ab31bca7", "cc117bb9-00cf-4eb8-b580-ea2a878fe8f7"},
	{"ProfilePhoto.Read.All", "469cd065-729e-4dee-b1fa-d92e0fab6310", "e24d31aa-e1ab-4c80-85fe-23018690335d"},
	{"ProfilePhoto.ReadWrite.All", "f5b24df7-511e-48bb-ae88-643f023b55e1", "27baa7f6-5dfb-4ba8-b1d3-1e812c143013"},
	{"Directory.Read.All", "06da0dbc-49e2-44d2-8312-53f166ab848a", "7ab1d382-f21e-4acd-a863-ba3e13f7da61"},
	{"Directory.ReadWrite.All", "c5366453-9fb0-48a5-a156-24f0c49a4b84", "19dbc75e-c2e2-444c-a770-ec69d8559fc7"},
	{"Directory.AccessAsUser.All", "0e263e50-5827-48a4-b97c-d940288653c7", ""},
	{"Group.Create", "", "bf7b1a76-6e77-406b-b258-bf5c7720e98f"},
	{"Group.Read.All", "5f8c59db-677d-491f-a6b8-5f174b11ec1d", "5b567255-7703-4780-807c-7be8301ae99b"},
	{"Group.ReadWrite.All", "4e46008b-f24c-477d-8fff-7bb4ec7aafe0", "62a82d76-70ea-41e2-9197-370581804d09"},
	{"GroupMember.Read.All", "bc024368-1153-4739-b217-4326f2e966d0", "98830695-27a2-44f7-8c18-0c3ebc9698f6"},
	{"GroupMember.ReadWrite.All", "f81125ac-d3b7-4573-a3b2-7099cc39df9e", "dbaae8cf-10b5-4b86-a4a1-f871c94c6695"},
	{"Organization.Read.All", "4908d5b9-3fb2-4b1e-9336-1888b7937185", "498476ce-e0fe-48b0-b801-37ba7e2685c6"},
	{"Organization.ReadWrite.All", "46ca0847-7e6b-426e-9775-ea810a948356", "292d869f-3427-49a8-9dab-8c70152b74e9"},
	{"LicenseAssignment.Read.All", "f395577a-0960-456b-979f-7228de0c5996", "e2f98668-2877-4f38-a2f4-8202e0717aa1"},
	{"LicenseAssignment.ReadWrite.All", "f55016cc-149c-447e-8f21-7cf3ec1d6350", "5facf0c1-8979-4e95-abcf-ff3d079771c0"},
	{"Application.Read.All", "c79f8feb-a9db-4090-85f9-90d820caa0eb", "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30"},
	{"Application.ReadWrite.All", "bdfbf15f-ee85-4955-8675-146e8e5296b5", "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9"},
	{"Application.ReadWrite.OwnedBy", "", "18a4783c-866b-4cc7-a460-3d5e5662c884"},
	{"AppRoleAssignment.ReadWrite.All", "84bccea3-f856-4a8a-967b-dbe0a3d53a64", "06b708a9-e830-4db3-a914-8e69da51d44f"},
	{"DelegatedPermissionGrant.ReadWrite.All", "41ce6ca6-6826-4807-84f1-1c82854f7ee5", "8e8e4742-1d95-4f68-9d56-6ee75648c72a"},
	{"Domain.Read.All", "2f9ee017-59c1-4f1d-9472-bd5529a7b311", "dbb9058a-0e50-45d7-ae91-66909b5d4664"},
	{"RoleManagement.Read.Directory", "741c54c3-0c1e-44a1-818b-3f97ab4e8c83", "483bed4a-2ad3-4361-a73b-c83ccdbdc53c"},
	{"RoleManagement.ReadWrite.Directory", "d01b97e9-cbc0-49fe-810a-750afd5527a3", "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8"},
	{"AdministrativeUnit.Read.All", "3361d15d-be43-4de6-b441-3c746d05163d", "134fd756-38ce-4afd-ba33-e9623dbe66c2"},
	{"AdministrativeUnit.ReadWrite.All", "7b8a2d34-6b3f-4542-a343-54651608ad81", "5eb59dd3-1da2-4329-8733-9dabdc435916"},
	{"AuditLog.Read.All", "e4c9e354-4dc5-45b8-9e7c-e1393b0b1a20", "b0afded3-3588-46d8-8b3d-9842eff778da"},
	{"Mail.Send", "e383f46e-2787-4529-855e-0e479a3ffac0", "b633e1c5-b582-4048-a93e-9f11b44c7e96"},
}

// moreRoles are application permissions that the emulator looks at beside them.
var moreRoles = []string{
	"User.ReadUpdate.All", "User.Create", "Group.ReadBasic.All", "CustomSecAttributeAssignment.Read.All",
	"CustomSecAttributeAssignment.ReadWrite.All", "CustomSecAttributeDefinition.Read.All", "CustomSecAttributeDefinition.ReadWrite.All",
	"Domain.ReadWrite.All", "DelegatedPermissionGrant.Read.All",
	"User.Export.All", "Directory.Write.Restricted", "RoleManagement.Read.All", "Member.Read.Hidden",
}

// allGraphPermissions are those with public ids, then every other one that the emulator knows, whose ids follow from the names: the
// real ones differ (DIVERGENCES.md).
var allGraphPermissions = sync.OnceValue(func() []graphPermission {
	out := slices.Clone(graphPermissions)
	at := func(name string) *graphPermission {
		i := slices.IndexFunc(out, func(p graphPermission) bool { return strings.EqualFold(p.name, name) })
		if i < 0 {
			out, i = append(out, graphPermission{name: name}), len(out)
		}
		return &out[i]
	}
	public := len(graphPermissions)
	for _, list := range [][]string{userConsentable, administratorScopes} {
		for _, name := range list {
			if p := at(name); p.scope == "" && (slices.IndexFunc(out, func(x graphPermission) bool { return x.name == p.name }) >= public) {
				p.scope = guidOf("scope", name)
			}
		}
	}
	for _, name := range moreRoles {
		if p := at(name); p.role == "" {
			p.role = guidOf("role", name)
		}
	}
	return out
})

// guidOf is a GUID that follows from words.
func guidOf(words ...string) string {
	b := sha256.Sum256([]byte(strings.ToLower(strings.Join(words, "\x00"))))
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// graphNamed finds a permission of Graph by its name in any case or by one of its ids.
func graphNamed(nameOrID string) (graphPermission, bool) {
	all := allGraphPermissions()
	i := slices.IndexFunc(all, func(p graphPermission) bool {
		return strings.EqualFold(p.name, nameOrID) || p.scope != "" && strings.EqualFold(p.scope, nameOrID) || p.role != "" && strings.EqualFold(p.role, nameOrID)
	})
	if i < 0 {
		return graphPermission{}, false
	}
	return all[i], true
}

// roleID is the id of an application permission of Graph; that of one which the emulator does not know follows from its name.
func roleID(name string) string {
	if p, ok := graphNamed(name); ok && p.role != "" {
		return p.role
	}
	return guidOf("role", name)
}

func scopeID(name string) string {
	if p, ok := graphNamed(name); ok && p.scope != "" {
		return p.scope
	}
	return guidOf("scope", name)
}

// graphRoles and graphScopes are what the service principal of Graph shows.
var graphRoles = sync.OnceValue(func() []any {
	var list []any
	for _, p := range allGraphPermissions() {
		if p.role != "" {
			list = append(list, graphRole(p.name, p.role))
		}
	}
	return list
})

func graphRole(name, id string) map[string]any {
	return map[string]any{
		"id": id, "value": name, "displayName": name, "description": name, "allowedMemberTypes": []string{"Application"}, "isEnabled": true,
		"origin": "Application",
	}
}

var graphScopes = sync.OnceValue(func() string {
	var list []any
	for _, p := range allGraphPermissions() {
		if p.scope == "" {
			continue
		}
		kind := "Admin"
		if !needsAdministrator(p.name) {
			kind = "User"
		}
		list = append(list, map[string]any{
			"id": p.scope, "value": p.name, "type": kind, "isEnabled": true, "adminConsentDisplayName": p.name, "adminConsentDescription": p.name,
			"userConsentDisplayName": p.name, "userConsentDescription": p.name,
		})
	}
	return jsonOf(list)
})

// graphName is the name of a permission of Graph by one of its ids, "" when there is none.
func (d *directory) graphName(id string) string {
	if p, ok := graphNamed(id); ok {
		return p.name
	}
	for _, name := range texts(d.graphService().rec.get(sMore)) {
		if id == guidOf("role", name) || id == guidOf("scope", name) {
			return name
		}
	}
	return ""
}

// learnPermissions makes permissions known that an organization file names and the emulator does not have: an application may have
// been granted anything.
func (d *directory) learnPermissions(names []string) {
	graph := d.graphService()
	list := texts(graph.rec.get(sMore))
	for _, name := range names {
		if _, ok := graphNamed(name); !ok && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	if len(list) > 0 {
		graph.rec = graph.rec.with([]field{{sMore, jsonOf(list)}})
	}
}
