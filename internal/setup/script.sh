#!/usr/bin/env bash
# Registers {{.Name}} in the organization that you are signed in to, with the least permissions for: {{.For}}
# Made by nameplate setup --script. It holds no secret: the certificate below is the public half, its key never left the machine.
# Run it in Azure Cloud Shell (https://shell.azure.com, Bash) as Privileged Role Administrator or Global Administrator, or wherever
# az, curl and jq are. It can be run again: what is there is left alone.
set -euo pipefail
graph=${GRAPH:-{{.Graph}}}
token=${GRAPH_TOKEN:-$(az account get-access-token --resource "$graph" --query accessToken --output tsv)}

# call METHOD PATH [BODY] prints the answer, or what was wrong; the token is in no argument.
call() {
  local answer
  if ! answer=$(printf 'header = "Authorization: Bearer %s"\n' "$token" |
    curl --config - --silent --show-error --fail-with-body --request "$1" --header 'Content-Type: application/json' ${3:+--data "$3"} "$graph/v1.0$2"); then
    echo "$answer" >&2
    return 1
  fi
  printf '%s\n' "$answer"
}

# soon does it again for a while: what was just made does not show everywhere at once.
soon() {
  local try
  for try in 1 2 3 4 5 6 7 8 9; do
    if call "$@"; then return 0; fi
    sleep 5
  done
  call "$@"
}

name={{shell .Name}}
found=$(call GET "/applications?\$select=id,appId,web&\$filter=displayName%20eq%20'{{.Query}}'" |
  jq -r --arg address {{shell .Redirect}} '[.value[] | select(.web.redirectUris | index($address))] | first // {} | .appId // empty')
if [ -z "$found" ]; then
  echo "registering the application $name"
  found=$(call POST /applications {{shell .Application}} | jq -r .appId)
fi
own=$(call GET "/servicePrincipals(appId='$found')?\$select=id" 2>/dev/null | jq -r '.id // empty' || true)
if [ -z "$own" ]; then
  echo "making the service principal"
  own=$(soon POST /servicePrincipals "{\"appId\":\"$found\"}" | jq -r 'select(.id).id')
fi
service=$(call GET "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?\$select=id,appRoles,oauth2PermissionScopes")
resource=$(jq -r .id <<<"$service")
have=$(call GET "/servicePrincipals/$own/appRoleAssignments" | jq -r '.value[].appRoleId')
access=()
for permission in{{range .Permissions}} {{.}}{{end}}; do
  role=$(jq -r --arg name "$permission" '.appRoles[] | select(.value == $name) | .id' <<<"$service")
  if [ -z "$role" ]; then
    echo "this organization's Microsoft Graph does not know $permission: run nameplate setup, which takes the next wider one" >&2
    exit 1
  fi
  access+=("{\"id\":\"$role\",\"type\":\"Role\"}")
  if ! grep -qx "$role" <<<"$have"; then
    echo "consenting to $permission"
    soon POST "/servicePrincipals/$own/appRoleAssignments" "{\"principalId\":\"$own\",\"resourceId\":\"$resource\",\"appRoleId\":\"$role\"}" >/dev/null
  fi
done
for permission in{{range .Delegated}} {{.}}{{end}}; do
  scope=$(jq -r --arg name "$permission" '.oauth2PermissionScopes[] | select(.value == $name) | .id' <<<"$service")
  access+=("{\"id\":\"$scope\",\"type\":\"Scope\"}")
done
granted=$(call GET "/servicePrincipals/$own/oauth2PermissionGrants" | jq -r '[.value[] | select(.consentType == "AllPrincipals")] | length')
if [ "$granted" = 0 ]; then
  echo "consenting for everybody to {{join .Delegated}}"
  soon POST /oauth2PermissionGrants "{\"clientId\":\"$own\",\"consentType\":\"AllPrincipals\",\"resourceId\":\"$resource\",\"scope\":\"{{join .Delegated}}\"}" >/dev/null
fi
call PATCH "/applications(appId='$found')" "{\"requiredResourceAccess\":[{\"resourceAppId\":\"00000003-0000-0000-c000-000000000000\",\"resourceAccess\":[$(IFS=,; echo "${access[*]}")]}]}"
tenant=$(call GET '/organization?$select=id' | jq -r '.value[0].id')
echo
echo "Write these two lines into nameplate.yaml, and run: nameplate doctor"
echo "tenant: $tenant"
echo "client_id: $found"
