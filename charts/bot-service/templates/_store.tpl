{{- /* Whether runs are kept in PostgreSQL: "true", or empty. */ -}}
{{- define "bot-service.postgres" -}}
{{- if or .Values.database.existingSecret .Values.database.url }}true{{ end -}}
{{- end -}}

{{- /* Refuses what would lose runs or never start, with the value to change. */ -}}
{{- define "bot-service.check" -}}
{{- if and (gt (int .Values.replicaCount) 1) (not (include "bot-service.postgres" .)) -}}
{{- fail (printf "replicaCount is %d, but SQLite is a file that one bot writes: set database.existingSecret (or database.url) to a PostgreSQL, or replicaCount to 1" (int .Values.replicaCount)) -}}
{{- end -}}
{{- if and .Values.database.url (not (regexMatch "^postgres(ql)?://" .Values.database.url)) -}}
{{- fail "database.url is not a PostgreSQL address: it should look like postgres://USER:PASSWORD@HOST/DATABASE; leave it empty for SQLite" -}}
{{- end -}}
{{- end -}}

{{- /* One bot a node where there are several; never a reason not to start. A constraint of a person's own that names no
Pods is meant for ours. */ -}}
{{- define "bot-service.topologySpread" -}}
{{- $constraints := .Values.topologySpreadConstraints -}}
{{- if not $constraints -}}
{{- $constraints = list (dict "maxSkew" 1 "topologyKey" "kubernetes.io/hostname" "whenUnsatisfiable" "ScheduleAnyway") -}}
{{- end -}}
{{- $ours := dict "labelSelector" (dict "matchLabels" (include "bot-service.selectorLabels" . | fromYaml)) -}}
{{- $complete := list -}}
{{- range $constraints -}}
{{- $complete = append $complete (merge (deepCopy .) (hasKey . "labelSelector" | ternary dict $ours)) -}}
{{- end -}}
{{- toYaml $complete -}}
{{- end -}}
