package graph

// Cloud is one of Microsoft's national clouds. https://learn.microsoft.com/graph/deployments
type Cloud int

const (
	Global Cloud = iota
	USGovL4
	USGovL5 // Department of Defense
	China   // operated by 21Vianet
)

var clouds = [...]struct{ name, graph, login, portal string }{
	Global:  {"global", "https://graph.microsoft.com", "https://login.microsoftonline.com", "https://portal.azure.com"},
	USGovL4: {"us-gov-l4", "https://graph.microsoft.us", "https://login.microsoftonline.us", "https://portal.azure.us"},
	USGovL5: {"us-gov-l5", "https://dod-graph.microsoft.us", "https://login.microsoftonline.us", "https://portal.azure.us"},
	China:   {"china", "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn", "https://portal.azure.cn"},
}

func (c Cloud) valid() Cloud {
	if c < 0 || int(c) >= len(clouds) {
		return Global
	}
	return c
}

// String is the cloud's name in settings: "global", "us-gov-l4", "us-gov-l5", "china".
func (c Cloud) String() string { return clouds[c.valid()].name }

// Graph is the origin of Microsoft Graph in this cloud.
func (c Cloud) Graph() string { return clouds[c.valid()].graph }

// Login is the origin where people and applications sign in.
func (c Cloud) Login() string { return clouds[c.valid()].login }

// Portal is the origin of the administrators' portal.
func (c Cloud) Portal() string { return clouds[c.valid()].portal }

// CloudNamed finds a cloud by its name in settings.
func CloudNamed(name string) (Cloud, bool) {
	for i, c := range clouds {
		if c.name == name {
			return Cloud(i), true
		}
	}
	return Global, false
}
