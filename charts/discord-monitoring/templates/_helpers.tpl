{{- /* Name of the chart, or nameOverride. */ -}}
{{- define "discord-monitoring.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* Start of every object's name: release and chart name, or fullnameOverride. */ -}}
{{- define "discord-monitoring.fullname" -}}
{{- $name := include "discord-monitoring.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Name of one object. The start is cut so that the suffix always fits into 63 characters.
Takes a list: root, suffix. */ -}}
{{- define "discord-monitoring.componentName" -}}
{{- $root := index . 0 -}}
{{- $suffix := index . 1 -}}
{{- $room := sub 62 (len $suffix) | int -}}
{{- printf "%s-%s" (include "discord-monitoring.fullname" $root | trunc $room | trimSuffix "-") $suffix -}}
{{- end -}}

{{- define "discord-monitoring.injectorName" -}}
{{- include "discord-monitoring.componentName" (list . "injector") -}}
{{- end -}}

{{- /* ConfigMap with the watcher's definition. */ -}}
{{- define "discord-monitoring.sidecarName" -}}
{{- include "discord-monitoring.componentName" (list . "sidecar") -}}
{{- end -}}

{{- /* Secret with the injector's certificate: ours, cert-manager's or the one that is there already. */ -}}
{{- define "discord-monitoring.tlsSecretName" -}}
{{- if eq .Values.certs.mode "existing" -}}
{{- required "certs.mode is existing: set certs.existing.secret to the name of the TLS Secret" .Values.certs.existing.secret -}}
{{- else -}}
{{- include "discord-monitoring.componentName" (list . "injector-tls") -}}
{{- end -}}
{{- end -}}

{{- define "discord-monitoring.serviceAccountName" -}}
{{- $account := .Values.injector.serviceAccount -}}
{{- if $account.create -}}
{{- $account.name | default (include "discord-monitoring.injectorName" .) -}}
{{- else -}}
{{- $account.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- /* What selects the injector's Pods; a Deployment's selector can never change, so nothing else belongs here. */ -}}
{{- define "discord-monitoring.selectorLabels" -}}
app.kubernetes.io/name: {{ include "discord-monitoring.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: injector
{{- end -}}

{{- /* Labels of the Pods. part-of keeps them out of the webhooks; ours win over a person's, for they select. */ -}}
{{- define "discord-monitoring.podLabels" -}}
{{- $ours := include "discord-monitoring.selectorLabels" . | fromYaml -}}
{{- $_ := set $ours "app.kubernetes.io/part-of" "discord-monitoring" -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.commonLabels) (deepCopy .Values.injector.podLabels) $ours) -}}
{{- end -}}

{{- /* Labels of every object. */ -}}
{{- define "discord-monitoring.labels" -}}
{{- $ours := include "discord-monitoring.selectorLabels" . | fromYaml -}}
{{- $ours = merge $ours (dict
      "app.kubernetes.io/part-of" "discord-monitoring"
      "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_")
      "app.kubernetes.io/managed-by" .Release.Service
      "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")) -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.commonLabels) $ours) -}}
{{- end -}}

{{- /* The injector's image; a digest wins over a tag, global.imageRegistry over its own registry. */ -}}
{{- define "discord-monitoring.image" -}}
{{- $image := .Values.injector.image -}}
{{- $registry := (.Values.global | default dict).imageRegistry | default $image.registry -}}
{{- if $registry }}{{ $registry | trimSuffix "/" }}/{{ end }}{{ $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- /* Pull secrets as Pods take them; an entry is a name or an object with a name. */ -}}
{{- define "discord-monitoring.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range concat ((.Values.global | default dict).imagePullSecrets | default list) .Values.injector.imagePullSecrets -}}
{{- if kindIs "string" . -}}
{{- $secrets = append $secrets (dict "name" .) -}}
{{- else -}}
{{- $secrets = append $secrets . -}}
{{- end -}}
{{- end -}}
{{- with $secrets }}{{ toYaml (uniq .) }}{{ end -}}
{{- end -}}

{{- /* A mapping as YAML, without nulls, its numbers never in the 1e+06 form that a float takes. Takes the mapping. */ -}}
{{- define "discord-monitoring.wholeNumbers" -}}
{{- $out := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "float64" $value }}{{ $_ := set $out $key (int64 $value) }}
{{- else if not (kindIs "invalid" $value) }}{{ $_ := set $out $key $value }}
{{- end -}}
{{- end -}}
{{- toYaml $out -}}
{{- end -}}
