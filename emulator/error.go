package emulator

import (
	"fmt"
	"net/http"
	"strconv"
)

// graphError is an error in Graph's words: https://learn.microsoft.com/en-us/graph/errors
type graphError struct {
	status  int
	code    string
	message string
	details []errorDetail
	header  http.Header // sent beside the usual ones
}

type errorDetail struct{ code, message, target string }

func (g *graphError) Error() string { return g.code + ": " + g.message }

func failure(status int, code, format string, args ...any) *graphError {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	return &graphError{status: status, code: code, message: format}
}

func badRequest(format string, args ...any) *graphError {
	return failure(http.StatusBadRequest, "Request_BadRequest", format, args...)
}

// denied: https://learn.microsoft.com/en-us/graph/resolve-auth-errors
func denied() *graphError {
	return failure(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// notThere: text as quoted in https://github.com/microsoftgraph/microsoft-graph-docs/issues/6059 and many others.
func notThere(id string) *graphError {
	return failure(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", id)
}

// invalidValue: text as quoted in https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/187 and
// https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/833; the detail as in
// https://github.com/Azure/azure-docs-powershell-azuread/issues/166
func invalidValue(property, why string) *graphError { return invalidValueOf("User", property, why) }

func invalidValueOf(title, property, why string) *graphError {
	g := badRequest("Invalid value specified for property '%s' of resource '%s'.", property, title)
	if why != "" {
		g.details = []errorDetail{{why, g.message, property}}
	}
	return g
}

func badJSON() *graphError {
	return failure(http.StatusBadRequest, "BadRequest",
		"Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
}

func unsupportedQuery(format string, args ...any) *graphError {
	return failure(http.StatusBadRequest, "Request_UnsupportedQuery", format, args...)
}

// noProperty: text as quoted in https://github.com/microsoftgraph/microsoft-graph-docs/issues/13226
func noProperty(name, on string) *graphError {
	return failure(http.StatusBadRequest, "Request_UnsupportedQuery", "Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, on)
}

// wrongVerb: https://learn.microsoft.com/en-us/graph/errors
func wrongVerb() *graphError {
	return failure(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
}

// noRoute answers what the emulator has no route for, in the words the service has for segments that it does not know; the
// detail tells the two apart.
func noRoute(segment, method, path string) *graphError {
	g := failure(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '%s'.", segment)
	g.details = []errorDetail{{"EmulatorHasNoRoute", "The emulator does not have " + method + " " + path + ". The service may.", segment}}
	return g
}

func noPhoto() *graphError {
	return failure(http.StatusNotFound, "ImageNotFound", "The photo wasn't found.")
}

// appendError writes the envelope. innerError carries what support asks for:
// https://learn.microsoft.com/en-us/graph/errors#innererror-object
func (c *call) appendError(b []byte, g *graphError) []byte {
	b = append(b, `{"error":{"code":`...)
	b = appendText(b, g.code)
	b = append(b, `,"message":`...)
	b = appendText(b, g.message)
	if len(g.details) > 0 {
		b = append(b, `,"details":[`...)
		for i, d := range g.details {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"code":`...)
			b = appendText(b, d.code)
			b = append(b, `,"message":`...)
			b = appendText(b, d.message)
			b = append(b, `,"target":`...)
			b = appendText(b, d.target)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	b = append(b, `,"innerError":{`...)
	if g.status == http.StatusTooManyRequests { // https://learn.microsoft.com/en-us/graph/throttling#sample-response
		b = append(b, `"code":"429","message":"Please retry after","status":"429",`...)
	}
	b = append(b, `"date":"`...)
	b = c.e.Now().AppendFormat(b, "2006-01-02T15:04:05")
	b = append(b, `","request-id":`...)
	b = appendText(b, c.requestID)
	b = append(b, `,"client-request-id":`...)
	b = appendText(b, c.clientID)
	return append(b, "}}}"...)
}

// fail answers with an error.
func (c *call) fail(g *graphError) {
	for k, v := range g.header {
		c.w.Header()[k] = v
	}
	body := c.appendError(nil, g)
	c.w.Header().Set("Content-Type", "application/json")
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(g.status)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(body) // the client went away
	}
}
