{{- /* Alerts over the injector's and the watchers' own metrics, as a YAML list. None is worth waking somebody: whatever
breaks here, agents run on. `job` and `namespace` are what a ServiceMonitor gives its targets. */ -}}
{{- define "discord-monitoring.alerts" -}}
{{- $job := printf "job=\"%s\", namespace=\"%s\"" (include "discord-monitoring.componentName" (list . "injector-metrics")) .Release.Namespace -}}
{{- /* Without a ServiceMonitor nobody scrapes under this job, and an absence would be told for ever. */ -}}
{{- if .Values.injector.serviceMonitor.enabled -}}
- alert: DiscordInjectorAbsent
  expr: {{ printf "sum(up{%s}) < 1 or absent(up{%s})" $job $job | quote }}
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: No injector answers
    description: Pods that ask for a watcher start without one. Look at the injector's Deployment and its Pods.
{{ end -}}
- alert: DiscordInjectorFails
  expr: {{ printf "sum by (reason) (rate(injector_requests_total{%s, result=\"failed\"}[5m])) > 0" $job | quote }}
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: {{ `The injector admits Pods unchanged after an error ({{ $labels.reason }})` | quote }}
    description: The injector's log and the Pods' admission warnings name the error.
- alert: DiscordInjectorSlow
  expr: {{ printf "histogram_quantile(0.99, sum by (le) (rate(injector_duration_seconds_bucket{%s}[5m]))) > 0.1" $job | quote }}
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: One answer in a hundred takes the injector longer than 100 ms
    description: The API server waits injector.webhooks.timeoutSeconds, then starts the Pod unwatched. Look for a CPU limit.
- alert: DiscordInjectorReloadFails
  expr: {{ printf "sum by (what) (increase(injector_reloads_total{%s, result=\"failed\"}[15m])) > 0" $job | quote }}
  labels: {severity: warning}
  annotations:
    summary: {{ `The injector cannot read its new {{ $labels.what }} and goes on with the last good one` | quote }}
    description: The injector's log says what is wrong with it.
- alert: DiscordInjectorHasNoTemplate
  expr: {{ printf "min(injector_template_generation{%s}) == 0" $job | quote }}
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: An injector has no definition of the watcher, so it adds none
    description: Look at the ConfigMap with sidecar.yaml and the injector's log.
- alert: DiscordInjectorCertificateEnds
  expr: {{ printf "min(injector_certificate_expiry_seconds{%s} > 0) - time() < 3 * 86400" $job | quote }}
  for: 1h
  labels: {severity: warning}
  annotations:
    summary: The injector's certificate ends within three days and was not renewed
    description: After its end the API server no longer trusts the injector, and Pods start without watchers.
- alert: DiscordWatcherLoses
  expr: sum by (namespace, pod) (increase(discord_watcher_events_lost_total[15m])) > 0
  labels: {severity: warning}
  annotations:
    summary: {{ `The watcher of {{ $labels.namespace }}/{{ $labels.pod }} could not send some events` | quote }}
    description: Its log says which and why.
- alert: DiscordWatcherFallsBehind
  expr: max by (namespace, pod) (discord_watcher_behind_bytes) > 10e6
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: {{ `The watcher of {{ $labels.namespace }}/{{ $labels.pod }} is more than 10 MB behind its agent` | quote }}
    description: Discord answers slowly or not at all, or the filters let too much pass. Nothing is lost while the Pod lives.
{{- end -}}
