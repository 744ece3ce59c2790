{{- /* Environment of the bot, as a YAML list. A name in extraEnv wins over ours: a name that stands twice is refused by
server-side apply. */ -}}
{{- define "bot-service.env" -}}
{{- $own := dict -}}
{{- range .Values.extraEnv }}{{ $_ := set $own .name true }}{{ end -}}
{{- $kept := list -}}
{{- range include "bot-service.env.ours" . | fromYamlArray -}}
{{- if not (hasKey $own .name) }}{{ $kept = append $kept . }}{{ end -}}
{{- end -}}
{{- toYaml (concat $kept .Values.extraEnv) -}}
{{- end -}}

{{- /* What is unset is left out: the bot has its own defaults, and says in its readiness what it misses. Only a Secret that
a person named is waited for. */ -}}
{{- define "bot-service.env.ours" -}}
- name: LISTEN
  value: 0.0.0.0:8080
- name: ADMIN_LISTEN
  value: 0.0.0.0:8081
- name: LOG_LEVEL
  value: {{ .Values.logging.level | quote }}
- name: LOG_FORMAT
  value: {{ .Values.logging.format | quote }}
{{- range $key := list "DISCORD_BOT_TOKEN" "PUBLIC_KEY" }}
- name: {{ $key }}
  valueFrom:
    secretKeyRef:
      name: {{ include "bot-service.secretName" $ | quote }}
      key: {{ $key }}
      {{- if not $.Values.secrets.existingSecret }}
      optional: true
      {{- end }}
{{- end }}
- name: SIGNING_KEY
  valueFrom:
    secretKeyRef: {name: {{ include "bot-service.secretName" . | quote }}, key: SIGNING_KEY, optional: true}
- name: API_TOKENS_FILE
  value: {{ printf "/etc/discord-monitoring/api-tokens/%s" .Values.apiTokens.key | quote }}
{{- if .Values.extraCA.configMap }}
- name: EXTRA_CA_FILE
  value: /etc/discord-monitoring/ca/ca.crt
{{- end }}
{{ include "bot-service.env.store" . }}
{{ include "bot-service.env.runs" . }}
{{- end -}}

{{- /* Where runs are kept: SQLite on the state volume, or PostgreSQL. */ -}}
{{- define "bot-service.env.store" -}}
{{- $database := .Values.database -}}
- name: DATABASE_URL
{{- if $database.existingSecret }}
  valueFrom:
    secretKeyRef: {name: {{ $database.existingSecret | quote }}, key: {{ $database.key | quote }}}
{{- else if $database.url }}
  valueFrom:
    secretKeyRef: {name: {{ include "bot-service.fullname" . | quote }}, key: DATABASE_URL}
{{- else }}
  value: sqlite:///var/lib/discord-monitoring/bot.db
{{- end }}
{{- end -}}

{{- /* What becomes of runs in Discord. */ -}}
{{- define "bot-service.env.runs" -}}
{{- $runs := .Values.runs -}}
- name: RUNS_MODE
  value: {{ $runs.mode | quote }}
- name: CATEGORY
  value: {{ $runs.category | quote }}
- name: ON_END
  value: {{ $runs.onEnd | quote }}
- name: ARCHIVE_CATEGORY
  value: {{ $runs.archiveCategory | quote }}
- name: LEASE_SECONDS
  value: {{ int $runs.leaseSeconds | quote }}
- name: INPUT_TTL_SECONDS
  value: {{ int .Values.input.ttlSeconds | quote }}
{{- range $name, $value := dict
      "GUILD_ID" .Values.guildId
      "GUILD_IDS" (join "," .Values.guildIds)
      "DISCORD_API_URL" .Values.discordApiUrl
      "THREADS_CHANNEL_ID" $runs.threadsChannelId
      "ALLOWED_USERS" (join "," .Values.input.allowedUsers)
      "ALLOWED_ROLES" (join "," .Values.input.allowedRoles) }}
{{- with $value }}
- name: {{ $name }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
- name: RETENTION_HOURS
{{- if include "bot-service.retentionOfParent" . }}
  valueFrom:
    configMapKeyRef: {name: {{ include "bot-service.retentionName" . }}, key: channelHours, optional: true}
{{- /* An environment is fixed for life, and nothing here changes when the umbrella's value does: the file is reread. */}}
- name: RETENTION_HOURS_FILE
  value: /etc/discord-monitoring/retention/channelHours
{{- else }}
  value: {{ int .Values.retention.channelHours | quote }}
{{- end }}
{{- if not (kindIs "invalid" .Values.retention.maxHours) }}
- name: MAX_RETENTION_HOURS
  value: {{ int .Values.retention.maxHours | quote }}
{{- end }}
{{- end -}}

{{- /* Whether the retention is the umbrella's: "true", or empty. */ -}}
{{- define "bot-service.retentionOfParent" -}}
{{- if kindIs "invalid" .Values.retention.channelHours }}true{{ end -}}
{{- end -}}

{{- /* The umbrella's ConfigMap with the retention: a name that both charts derive from the release alone. */ -}}
{{- define "bot-service.retentionName" -}}
{{- printf "%s-discord-retention" .Release.Name -}}
{{- end -}}
