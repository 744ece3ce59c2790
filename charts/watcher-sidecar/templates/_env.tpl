{{- /*
watcher-sidecar.env: the watcher's environment, as a YAML list. A name in values.env wins over ours: a name that
stands twice is refused by server-side apply.
Keys of the dict: root, values (whole, see watcher-sidecar.values), transcript.
*/ -}}
{{- define "watcher-sidecar.env" -}}
{{- $v := .values -}}
{{- $env := concat
      (include "watcher-sidecar.env.delivery" $v | fromYamlArray)
      (include "watcher-sidecar.env.settings" $v | fromYamlArray)
      (include "watcher-sidecar.env.transcript" . | fromYamlArray)
      (include "watcher-sidecar.env.pod" $v | fromYamlArray) -}}
{{- $own := $v.env | default dict -}}
{{- $kept := list -}}
{{- range $entry := $env -}}
{{- if not (hasKey $own $entry.name) -}}
{{- $kept = append $kept $entry -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := $own -}}
{{- $kept = append $kept (dict "name" $name "value" (include "watcher-sidecar.text" $value)) -}}
{{- end -}}
{{- toYaml $kept -}}
{{- end -}}

{{- /* Where posts go. Every Secret is optional: a missing one would hold the agent's Pod. The file form is reread, so
a Secret made or changed after the Pod's start is picked up; an env is fixed for life. */ -}}
{{- define "watcher-sidecar.env.delivery" -}}
{{- if .webhook.value }}
{{- /* Checked here, for the schema's message would repeat the secret. */ -}}
{{- if not (regexMatch "^https?://[^/?#]+(/[^?#]*)?/webhooks/[0-9]+/[^/?#]+/?([?][^#]*)?$" .webhook.value) }}
{{- fail "webhook.value is not a webhook's URL; it should look like https://discord.com/api/webhooks/ID/TOKEN" }}
{{- end }}
- name: DISCORD_WEBHOOK_URL
  value: {{ .webhook.value | quote }}
{{- else }}
- name: DISCORD_WEBHOOK_URL
  valueFrom:
    secretKeyRef: {name: {{ .webhook.existingSecret | quote }}, key: {{ .webhook.key | quote }}, optional: true}
- name: DISCORD_WEBHOOK_URL_FILE
  value: {{ printf "/etc/discord-monitoring/webhook/%s" .webhook.key | quote }}
{{- end }}
{{- if .bot.url }}
- name: BOT_URL
  value: {{ .bot.url | quote }}
- name: BOT_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ .bot.existingSecret | quote }}, key: {{ .bot.key | quote }}, optional: true}
- name: BOT_TOKEN_FILE
  value: {{ printf "/etc/discord-monitoring/bot/%s" .bot.key | quote }}
{{- end }}
{{- if .bridge.enabled }}
- name: BRIDGE_URL
  value: {{ printf "http://127.0.0.1:%d" (int .bridge.port) | quote }}
{{- end }}
{{- end -}}

{{- define "watcher-sidecar.env.settings" -}}
- name: POLL_INTERVAL_MS
  value: {{ int .polling.intervalMs | quote }}
- name: BATCH_SIZE
  value: {{ int .polling.batchSize | quote }}
- name: PARITY_MODE
  value: {{ .parityMode | quote }}
- name: FILTERS
  value: {{ toRawJson (dict
      "includeTools" (.filters.includeTools | default list)
      "includePatterns" (.filters.includePatterns | default list)
      "minStdoutLength" (int .filters.minStdoutLength)) | quote }}
- name: STATS
  value: {{ toRawJson (pick .stats "trackCost" "tokens" "errors") | quote }}
- name: LOG_LEVEL
  value: {{ .logging.level | quote }}
- name: RETENTION_HOURS
  value: {{ int .retention.channelHours | quote }}
{{- with .plain.endsAfter }}
- name: ENDS_AFTER
  value: {{ . | quote }}
{{- end }}
- name: FLUSH_SECONDS
  value: {{ int .shutdown.flushSeconds | quote }}
{{- with .run.taskId }}
- name: RUN_TASK_ID
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- /* Where the transcript is. The injector sets it for each Pod when neither path is given here. */ -}}
{{- define "watcher-sidecar.env.transcript" -}}
{{- $v := .values -}}
{{- if $v.transcriptPath }}
- name: TRANSCRIPT_PATH
  value: {{ $v.transcriptPath | quote }}
{{- else if $v.workspacePath }}
- name: WORKSPACE_PATH
  value: {{ $v.workspacePath | quote }}
{{- if .transcript }}
- name: CLAUDE_CONFIG_DIR
  value: {{ $v.agent.configDir | quote }}
{{- end }}
{{- else if .transcript }}
- name: TRANSCRIPT_PATH
  value: {{ printf "%s/projects" (trimSuffix "/" $v.agent.configDir) | quote }}
{{- end }}
{{- if .transcript }}
{{ include "watcher-sidecar.podUid" $v }}
{{- end }}
{{- end -}}

{{- /* The variable from which a mount takes the Pod's own folder, as a YAML list of one; empty when the volume is the Pod's
alone. Takes the whole values. */ -}}
{{- define "watcher-sidecar.podUid" -}}
{{- if include "watcher-sidecar.transcriptPerPod" . -}}
- name: DISCORD_POD_UID
  valueFrom:
    fieldRef: {apiVersion: v1, fieldPath: metadata.uid}
{{- end }}
{{- end -}}

{{- /*
watcher-sidecar.agentEnv: what the agent's own container needs in its environment, as a YAML list; empty when that is
nothing: the bridge's FIFO, and the Pod's uid where transcripts lie in a folder of its own.
Keys of the dict: root, values, library, complete (see watcher-sidecar.values).
*/ -}}
{{- define "watcher-sidecar.agentEnv" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
{{- $env := include "watcher-sidecar.podUid" $v | fromYamlArray -}}
{{- if $v.bridge.enabled -}}
{{- $env = prepend $env (dict "name" "AGENT_STDIN" "value" "/run/discord-monitoring/stdin") -}}
{{- end -}}
{{- with $env }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{- /* What the watcher knows of its Pod and its surroundings. The two MALLOC names keep a long line's buffer from
staying resident in glibc's heap. */ -}}
{{- define "watcher-sidecar.env.pod" -}}
- name: STATE_DIR
  value: /var/lib/discord-monitoring
{{- if eq .probes.type "http" }}
- name: HEALTH_ADDR
  value: {{ printf "0.0.0.0:%d" (int .probes.port) | quote }}
{{- end }}
{{- range $name, $path := dict "POD_NAME" "metadata.name" "POD_NAMESPACE" "metadata.namespace" "POD_UID" "metadata.uid"
      "JOB_NAME" "metadata.labels['batch.kubernetes.io/job-name']" }}
- name: {{ $name }}
  valueFrom:
    fieldRef: {apiVersion: v1, fieldPath: {{ $path | quote }}}
{{- end }}
{{- if .extraCA.configMap }}
- name: EXTRA_CA_FILE
  value: /etc/discord-monitoring/ca/ca.crt
{{- end }}
{{- with .proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .proxy.noProxy }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
- name: MALLOC_ARENA_MAX
  value: "1"
- name: MALLOC_TRIM_THRESHOLD_
  value: "131072"
{{- end -}}

{{- /* A scalar as text; a whole number never in the 1e+06 form that a float takes. */ -}}
{{- define "watcher-sidecar.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}
