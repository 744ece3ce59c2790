{{- /*
watcher-sidecar.securityContext: the security context of one of our containers, as YAML. Takes the whole values.
The user is agent.runAsUser where securityContext says none; on OpenShift none is named at all.
*/ -}}
{{- define "watcher-sidecar.securityContext" -}}
{{- $context := dict -}}
{{- range $key, $value := .securityContext -}}
{{- if has $key (list "runAsUser" "runAsGroup") -}}
{{- if not (kindIs "invalid" $value) }}{{ $_ := set $context $key (int64 $value) }}{{ end -}}
{{- else -}}
{{- $_ := set $context $key $value -}}
{{- end -}}
{{- end -}}
{{- if .openshift -}}
{{- $context = omit $context "runAsUser" "runAsGroup" -}}
{{- else if not (hasKey $context "runAsUser") -}}
{{- $_ := set $context "runAsUser" (int64 .agent.runAsUser) -}}
{{- end -}}
{{- if and $context.runAsNonRoot (hasKey $context "runAsUser") (eq (int64 $context.runAsUser) 0) -}}
{{- fail "securityContext.runAsUser is 0 while runAsNonRoot is true: the watcher would never start, and hold its Pod" -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{- /*
watcher-sidecar.podSecurity: what completes the Pod's own security context where it says nothing, as YAML.
Keys of the dict: root, values, library, complete (see watcher-sidecar.values).
*/ -}}
{{- define "watcher-sidecar.podSecurity" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
{{- $context := deepCopy ($v.podSecurityContext | default dict) -}}
{{- if hasKey $context "fsGroup" -}}
{{- if or $v.openshift (kindIs "invalid" $context.fsGroup) -}}
{{- $context = omit $context "fsGroup" -}}
{{- else -}}
{{- $_ := set $context "fsGroup" (int64 $context.fsGroup) -}}
{{- end -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{- /*
watcher-sidecar.resources: requests and limits, as YAML; an entry that is an empty text or null is left out.
Takes the resources.
*/ -}}
{{- define "watcher-sidecar.resources" -}}
{{- $out := dict -}}
{{- range $kind, $entries := . -}}
{{- $kept := dict -}}
{{- range $name, $amount := $entries -}}
{{- if not (or (kindIs "invalid" $amount) (eq (toString $amount) "")) -}}
{{- $_ := set $kept $name $amount -}}
{{- end -}}
{{- end -}}
{{- if $kept }}{{ $_ := set $out $kind $kept }}{{ end -}}
{{- end -}}
{{- toYaml $out -}}
{{- end -}}
