package directory

// products are Microsoft's names of the products that organizations most often have, by string id.
// https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
var products = map[string]string{
	"AAD_PREMIUM":              "Microsoft Entra ID P1",
	"AAD_PREMIUM_P2":           "Microsoft Entra ID P2",
	"DESKLESSPACK":             "Office 365 F3",
	"EMS":                      "Enterprise Mobility + Security E3",
	"EMSPREMIUM":               "Enterprise Mobility + Security E5",
	"ENTERPRISEPACK":           "Office 365 E3",
	"ENTERPRISEPREMIUM":        "Office 365 E5",
	"EXCHANGEENTERPRISE":       "Exchange Online (Plan 2)",
	"EXCHANGESTANDARD":         "Exchange Online (Plan 1)",
	"FLOW_FREE":                "Microsoft Power Automate Free",
	"O365_BUSINESS_ESSENTIALS": "Microsoft 365 Business Basic",
	"O365_BUSINESS_PREMIUM":    "Microsoft 365 Business Standard",
	"PROJECTPROFESSIONAL":      "Project Plan 3",
	"SPB":                      "Microsoft 365 Business Premium",
	"SPE_E3":                   "Microsoft 365 E3",
	"SPE_E5":                   "Microsoft 365 E5",
	"SPE_F1":                   "Microsoft 365 F3",
	"STANDARDPACK":             "Office 365 E1",
	"VISIOCLIENT":              "Visio Plan 2",
}

// ProductName is what Microsoft calls a product, by SKU.Part; the part itself where the name is not known here.
func ProductName(part string) string {
	if name, ok := products[part]; ok {
		return name
	}
	return part
}
