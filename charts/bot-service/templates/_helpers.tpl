{{- /* Name of the chart, or nameOverride. */ -}}
{{- define "bot-service.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* Name of every object: release and chart name, or fullnameOverride. */ -}}
{{- define "bot-service.fullname" -}}
{{- $name := include "bot-service.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "bot-service.serviceAccountName" -}}
{{- $account := .Values.serviceAccount -}}
{{- $account.name | default ($account.create | ternary (include "bot-service.fullname" .) "default") -}}
{{- end -}}

{{- /* Name of one object. The start is cut so that the suffix always fits into 63 characters.
Takes a list: root, suffix. */ -}}
{{- define "bot-service.componentName" -}}
{{- $root := index . 0 -}}
{{- $suffix := index . 1 -}}
{{- $room := sub 62 (len $suffix) | int -}}
{{- printf "%s-%s" (include "bot-service.fullname" $root | trunc $room | trimSuffix "-") $suffix -}}
{{- end -}}

{{- /* Secret with the bot's credentials. */ -}}
{{- define "bot-service.secretName" -}}
{{- .Values.secrets.existingSecret | default (include "bot-service.fullname" .) -}}
{{- end -}}

{{- /* Secret with the callers' tokens. */ -}}
{{- define "bot-service.apiTokensName" -}}
{{- .Values.apiTokens.existingSecret | default (include "bot-service.componentName" (list . "api-tokens")) -}}
{{- end -}}

{{- /* The callers' tokens as the bot reads them: name to token and namespaces. */ -}}
{{- define "bot-service.apiTokens" -}}
{{- $callers := dict -}}
{{- range .Values.apiTokens.tokens -}}
{{- if hasKey $callers .name }}{{ fail (printf "apiTokens.tokens names %s twice" .name) }}{{ end -}}
{{- $_ := set $callers .name (dict "token" .token "namespaces" .namespaces) -}}
{{- end -}}
{{- toRawJson $callers -}}
{{- end -}}

{{- /* Address of the bot inside the cluster; the umbrella tells it to the watchers. */ -}}
{{- define "bot-service.url" -}}
{{- printf "http://%s.%s.svc:%d" (include "bot-service.fullname" .) .Release.Namespace (int .Values.service.ports.http) -}}
{{- end -}}


{{- /* What selects the bot's Pods; a Deployment's selector can never change, so nothing else belongs here. */ -}}
{{- define "bot-service.selectorLabels" -}}
app.kubernetes.io/name: {{ include "bot-service.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: bot
{{- end -}}

{{- /* Labels of the Pods. part-of keeps them out of the webhooks; ours win over a person's, for they select. */ -}}
{{- define "bot-service.podLabels" -}}
{{- $ours := include "bot-service.selectorLabels" . | fromYaml -}}
{{- $_ := set $ours "app.kubernetes.io/part-of" "discord-monitoring" -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.commonLabels) (deepCopy .Values.podLabels) $ours) -}}
{{- end -}}

{{- /* Annotations of the Pods; a person's own win over ours, and none stands twice. */ -}}
{{- define "bot-service.podAnnotations" -}}
{{- $ours := dict
      "kubectl.kubernetes.io/default-container" "bot"
      "checksum/secrets" (toJson (list .Values.secrets .Values.database) | sha256sum) -}}
{{- toYaml (mergeOverwrite $ours (deepCopy .Values.podAnnotations)) -}}
{{- end -}}

{{- /* Labels of every object. */ -}}
{{- define "bot-service.labels" -}}
{{- $ours := include "bot-service.selectorLabels" . | fromYaml -}}
{{- $ours = merge $ours (dict
      "app.kubernetes.io/part-of" "discord-monitoring"
      "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_")
      "app.kubernetes.io/managed-by" .Release.Service
      "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")) -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.commonLabels) $ours) -}}
{{- end -}}

{{- /* The bot's image; a digest wins over a tag, global.imageRegistry over its own registry. */ -}}
{{- define "bot-service.image" -}}
{{- $image := .Values.image -}}
{{- $registry := (.Values.global | default dict).imageRegistry | default $image.registry -}}
{{- if $registry }}{{ $registry | trimSuffix "/" }}/{{ end }}{{ $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- /* Pull secrets as Pods take them; an entry is a name or an object with a name. */ -}}
{{- define "bot-service.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range concat ((.Values.global | default dict).imagePullSecrets | default list) .Values.imagePullSecrets -}}
{{- if kindIs "string" . -}}
{{- $secrets = append $secrets (dict "name" .) -}}
{{- else -}}
{{- $secrets = append $secrets . -}}
{{- end -}}
{{- end -}}
{{- with $secrets }}{{ toYaml (uniq .) }}{{ end -}}
{{- end -}}

{{- /* Requests and limits; an entry that is an empty text is left out. */ -}}
{{- define "bot-service.resources" -}}
{{- $out := dict -}}
{{- range $kind, $entries := .Values.resources -}}
{{- $kept := dict -}}
{{- range $name, $amount := $entries -}}
{{- if not (or (kindIs "invalid" $amount) (eq (toString $amount) "")) }}{{ $_ := set $kept $name $amount }}{{ end -}}
{{- end -}}
{{- if $kept }}{{ $_ := set $out $kind $kept }}{{ end -}}
{{- end -}}
{{- toYaml $out -}}
{{- end -}}

{{- /* A mapping as YAML, without nulls, its numbers never in the 1e+06 form that a float takes. Takes the mapping. */ -}}
{{- define "bot-service.wholeNumbers" -}}
{{- $out := dict -}}
{{- range $key, $value := . -}}
{{- if kindIs "float64" $value }}{{ $_ := set $out $key (int64 $value) }}
{{- else if not (kindIs "invalid" $value) }}{{ $_ := set $out $key $value }}
{{- end -}}
{{- end -}}
{{- toYaml $out -}}
{{- end -}}
