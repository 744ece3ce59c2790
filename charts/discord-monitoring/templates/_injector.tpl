{{- /* Arguments of the injector; each flag could as well be an env INJECTOR_<FLAG>. */ -}}
{{- define "discord-monitoring.injectorArgs" -}}
{{- $name := include "discord-monitoring.injectorName" . -}}
- serve
- --listen=0.0.0.0:{{ int .Values.injector.ports.https }}
- --admin-listen=0.0.0.0:{{ int .Values.injector.ports.admin }}
- --sidecar=/etc/discord-monitoring/sidecar/sidecar.yaml
- --log-level={{ .Values.injector.logging.level }}
- --log-format={{ .Values.injector.logging.format }}
{{- if eq .Values.certs.mode "self-managed" }}
- --certs=self-managed
- --namespace=$(POD_NAMESPACE)
- --secret-name={{ include "discord-monitoring.tlsSecretName" . }}
- --webhook-configuration={{ $name }}
- --service-name={{ $name }}
- --propagation={{ .Values.certs.propagation }}
- --ca-validity={{ .Values.certs.caValidity }}
- --leaf-validity={{ .Values.certs.leafValidity }}
{{- else }}
- --tls-cert=/etc/discord-monitoring/tls/tls.crt
- --tls-key=/etc/discord-monitoring/tls/tls.key
{{- end }}
{{- with .Values.injector.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Environment of the injector, as a YAML list. A name in extraEnv wins over ours: a name that stands twice is refused by
server-side apply. */ -}}
{{- define "discord-monitoring.injectorEnv" -}}
{{- $own := dict -}}
{{- range .Values.injector.extraEnv }}{{ $_ := set $own .name true }}{{ end -}}
{{- $env := list -}}
{{- range $name, $path := dict "POD_NAME" "metadata.name" "POD_NAMESPACE" "metadata.namespace" -}}
{{- if not (hasKey $own $name) -}}
{{- $env = append $env (dict "name" $name "valueFrom" (dict "fieldRef" (dict "apiVersion" "v1" "fieldPath" $path))) -}}
{{- end -}}
{{- end -}}
{{- toYaml (concat $env .Values.injector.extraEnv) -}}
{{- end -}}

{{- /* Pod security context of the injector; on OpenShift the namespace gives the user. */ -}}
{{- define "discord-monitoring.podSecurityContext" -}}
{{- $context := .Values.injector.podSecurityContext -}}
{{- if .Values.discord.monitoring.openshift -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
{{- include "discord-monitoring.wholeNumbers" $context -}}
{{- end -}}

{{- /* One injector a node and a zone where there are several; never a reason not to start. A constraint of a person's own
that names no Pods is meant for ours. */ -}}
{{- define "discord-monitoring.topologySpread" -}}
{{- $constraints := .Values.injector.topologySpreadConstraints -}}
{{- if not $constraints -}}
{{- $constraints = list
      (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway")
      (dict "maxSkew" 1 "topologyKey" "topology.kubernetes.io/zone" "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- $ours := dict "labelSelector" (dict "matchLabels" (include "discord-monitoring.selectorLabels" . | fromYaml)) -}}
{{- $complete := list -}}
{{- range $constraints -}}
{{- $complete = append $complete (merge (deepCopy .) (hasKey . "labelSelector" | ternary dict $ours)) -}}
{{- end -}}
{{- toYaml $complete -}}
{{- end -}}
