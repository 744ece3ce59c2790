{{- /* Alerts over the bot's own metrics, as a YAML list. `job` and `namespace` are what a ServiceMonitor gives its targets. */ -}}
{{- define "bot-service.alerts" -}}
{{- $job := printf "job=\"%s\", namespace=\"%s\"" (include "bot-service.componentName" (list . "metrics")) .Release.Namespace -}}
{{- /* Without a ServiceMonitor nobody scrapes under this job, and an absence would be told for ever. */ -}}
{{- if .Values.serviceMonitor.enabled -}}
- alert: DiscordBotAbsent
  expr: {{ printf "sum(up{%s}) < 1 or absent(up{%s})" $job $job | quote }}
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: No bot answers
    description: Runs get no channel and no input. Agents run on. Look at the bot's Deployment and its Pods.
{{ end -}}
- alert: DiscordBotIdle
  expr: {{ printf "max(discord_bot_leader{%s}) < 1" $job | quote }}
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: No bot makes channels
    description: None of them holds the lead, so the store may not answer. Their readiness says what is missing.
- alert: DiscordBotRefused
  expr: {{ printf "sum by (route, status) (rate(discord_bot_discord_calls_total{%s, status=~\"401|403\"}[10m])) > 0" $job | quote }}
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: {{ `Discord refuses the bot ({{ $labels.status }} on {{ $labels.route }})` | quote }}
    description: Its token or a permission was taken away. Its readiness names the permission.
{{- if eq .Values.runs.mode "channels" }}
- alert: DiscordBotServerFull
  expr: {{ printf "max(discord_bot_runs_live{%s} + discord_bot_runs_finished{%s}) > 450" $job $job | quote }}
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: The Discord server has nearly as many channels as it may have
    description: A server has 500. Shorten the retention, or set runs.mode to threads.
{{- end }}
- alert: DiscordBotSlow
  expr: {{ printf "histogram_quantile(0.99, sum by (le) (rate(discord_bot_interaction_time_seconds_bucket{%s}[5m]))) > 1" $job | quote }}
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: One interaction in a hundred takes the bot longer than a second
    description: Discord gives up after three. Look for a CPU limit, and at the store.
- alert: DiscordBotInputWaits
  expr: {{ printf "max(discord_bot_input_oldest_seconds{%s}) > 120" $job | quote }}
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: Input from Discord does not reach its agent
    description: The run's watcher does not ask for it. Look at that watcher's log.
{{- end -}}
