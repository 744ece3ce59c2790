{{- /* Choices a person should know about, as paragraphs of NOTES.txt. Takes the root. */ -}}
{{- define "bot-service.warnings" -}}
{{- $secrets := .Values.secrets -}}
{{- $warnings := list -}}
{{- if not (or $secrets.existingSecret $secrets.discordBotToken) -}}
{{- $warnings = append $warnings "no bot token: set secrets.existingSecret (keys DISCORD_BOT_TOKEN, PUBLIC_KEY)." -}}
{{- end -}}
{{- if not (or .Values.guildId .Values.guildIds) -}}
{{- $warnings = append $warnings "no guildId: the bot does not know in which Discord server to make channels." -}}
{{- end -}}
{{- if not (or .Values.apiTokens.existingSecret .Values.apiTokens.tokens) -}}
{{- $warnings = append $warnings (printf "nobody may call /runs yet: set apiTokens.existingSecret, or make the Secret %s." (include "bot-service.apiTokensName" .)) -}}
{{- end -}}
{{- if or (and $secrets.discordBotToken (not $secrets.existingSecret)) (and .Values.apiTokens.tokens (not .Values.apiTokens.existingSecret)) (and .Values.database.url (not .Values.database.existingSecret)) -}}
{{- $warnings = append $warnings "secrets stand in the release's values, readable by all who can read its Secrets; prefer the existingSecret of each." -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.tls) -}}
{{- $warnings = append $warnings "ingress.tls is empty: Discord calls over HTTPS alone, so something before the Ingress has to end TLS." -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (include "bot-service.postgres" .) (not .Values.networkPolicy.to) -}}
{{- $warnings = append $warnings "networkPolicy.to is empty: no rule lets the bot reach PostgreSQL." -}}
{{- end -}}
{{- if and .Values.prometheusRule.enabled (not .Values.serviceMonitor.enabled) -}}
{{- $warnings = append $warnings "prometheusRule.enabled without serviceMonitor.enabled: the alert that no bot answers is left out, and the others see only what you scrape under the same job." -}}
{{- end -}}
{{- range $warnings }}

WARNING: {{ . }}
{{- end -}}
{{- end -}}
