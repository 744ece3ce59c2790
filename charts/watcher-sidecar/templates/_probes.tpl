{{- /*
watcher-sidecar.probes: livenessProbe and readinessProbe, as a YAML mapping; empty when both are off. There is no
startup probe: one that fails on a native sidecar would keep the agent from starting.
Takes the whole values (see watcher-sidecar.values).
*/ -}}
{{- define "watcher-sidecar.probes" -}}
{{- $probes := .probes -}}
{{- $out := dict -}}
{{- range $kind := list "liveness" "readiness" -}}
{{- $p := index $probes $kind -}}
{{- if $p.enabled -}}
{{- $probe := dict "periodSeconds" (int $p.periodSeconds) "timeoutSeconds" (int $p.timeoutSeconds)
      "failureThreshold" (int $p.failureThreshold) -}}
{{- /* The API server leaves a zero out; so do we, that what we render is what we read back. */ -}}
{{- with int $p.initialDelaySeconds }}{{ $_ := set $probe "initialDelaySeconds" . }}{{ end -}}
{{- if eq $probes.type "http" -}}
{{- $_ := set $probe "httpGet" (dict "path" $p.path "port" (int $probes.port) "scheme" "HTTP") -}}
{{- else -}}
{{- $_ := set $probe "exec" (dict "command" $probes.command) -}}
{{- end -}}
{{- $_ := set $out (printf "%sProbe" $kind) $probe -}}
{{- end -}}
{{- end -}}
{{- if $out }}{{ toYaml $out }}{{ end -}}
{{- end -}}
