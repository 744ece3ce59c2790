{{- /*
watcher-sidecar.volumes: the volumes of our containers, as a YAML list; the transcript's is not among them. Every
Secret and ConfigMap is optional, for a missing one would hold the agent's Pod, and readable by any user, for the
watcher runs as the agent's.
Keys of the dict: root, values, library, complete (see watcher-sidecar.values).
*/ -}}
{{- define "watcher-sidecar.volumes" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
- name: discord-state
  emptyDir:
    sizeLimit: 64Mi
{{- if not $v.webhook.value }}
- name: discord-webhook
  secret:
    secretName: {{ $v.webhook.existingSecret | quote }}
    items:
      - {key: {{ $v.webhook.key | quote }}, path: {{ $v.webhook.key | quote }}}
    defaultMode: 292 # 0444
    optional: true
{{- end }}
{{- if $v.bot.url }}
- name: discord-bot
  secret:
    secretName: {{ $v.bot.existingSecret | quote }}
    items:
      - {key: {{ $v.bot.key | quote }}, path: {{ $v.bot.key | quote }}}
    defaultMode: 292 # 0444
    optional: true
{{- end }}
{{- if $v.extraCA.configMap }}
- name: discord-ca
  configMap:
    name: {{ $v.extraCA.configMap | quote }}
    items:
      - {key: {{ $v.extraCA.key | quote }}, path: ca.crt}
    defaultMode: 292 # 0444
    optional: true
{{- end }}
{{- if $v.bridge.enabled }}
- name: discord-bridge
  emptyDir:
    sizeLimit: 1Mi
{{- end }}
{{- end -}}

{{- /*
watcher-sidecar.volumeMounts: the watcher's mounts, as a YAML list.
Keys of the dict: values (whole), transcript.
*/ -}}
{{- define "watcher-sidecar.volumeMounts" -}}
{{- $v := .values -}}
- name: discord-state
  mountPath: /var/lib/discord-monitoring
{{- if not $v.webhook.value }}
- name: discord-webhook
  mountPath: /etc/discord-monitoring/webhook
  readOnly: true
{{- end }}
{{- if $v.bot.url }}
- name: discord-bot
  mountPath: /etc/discord-monitoring/bot
  readOnly: true
{{- end }}
{{- if $v.extraCA.configMap }}
- name: discord-ca
  mountPath: /etc/discord-monitoring/ca
  readOnly: true
{{- end }}
{{- if and .transcript (ne $v.transcript.mount "none") }}
- name: discord-transcript
  mountPath: {{ include "watcher-sidecar.transcriptDir" $v | quote }}
  readOnly: true
{{- include "watcher-sidecar.transcriptFolder" $v }}
{{- end }}
{{- end -}}

{{- /*
watcher-sidecar.transcriptVolume: the volume agent and watcher share, as a YAML list of one: a claim, a directory of
the node or an emptyDir. Empty with transcript.mount none.
Keys of the dict: root, values, library, complete (see watcher-sidecar.values).
*/ -}}
{{- define "watcher-sidecar.transcriptVolume" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
{{- if ne $v.transcript.mount "none" -}}
- name: discord-transcript
{{- with $v.transcript.volume }}
{{- if .existingClaim }}
  persistentVolumeClaim:
    claimName: {{ .existingClaim | quote }}
{{- else if .hostPath }}
  hostPath:
    path: {{ .hostPath | quote }}
    type: DirectoryOrCreate
{{- else }}
  emptyDir: {{ toRawJson (.emptyDir | default dict) }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /*
watcher-sidecar.transcriptMount: the agent's mount of that volume, as a YAML list of one. Empty with transcript.mount
none.
Keys of the dict: root, values, library, complete (see watcher-sidecar.values).
*/ -}}
{{- define "watcher-sidecar.transcriptMount" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
{{- if ne $v.transcript.mount "none" -}}
- name: discord-transcript
  mountPath: {{ include "watcher-sidecar.transcriptDir" $v | quote }}
{{- include "watcher-sidecar.transcriptFolder" $v }}
{{- end }}
{{- end -}}

{{- /*
watcher-sidecar.agentMounts: all mounts the agent's own container needs of ours, as a YAML list: its transcripts', and with
the bridge that of the FIFO. Empty when there are none.
Keys of the dict: root, values, library, complete (see watcher-sidecar.values).
*/ -}}
{{- define "watcher-sidecar.agentMounts" -}}
{{- $v := include "watcher-sidecar.values" . | fromYaml -}}
{{- $mounts := include "watcher-sidecar.transcriptMount" . | fromYamlArray -}}
{{- if $v.bridge.enabled -}}
{{- $mounts = append $mounts (dict "name" "discord-bridge" "mountPath" "/run/discord-monitoring") -}}
{{- end -}}
{{- with $mounts }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{- /* Whether the transcripts' volume is one that Pods share, in which each has a folder of its own: "true", or empty. Takes the
whole values. */ -}}
{{- define "watcher-sidecar.transcriptPerPod" -}}
{{- $volume := .transcript.volume -}}
{{- if and $volume.perPod (or $volume.existingClaim $volume.hostPath) (ne .transcript.mount "none") }}true{{ end -}}
{{- end -}}

{{- /* That folder, as a line of a mount. The kubelet puts the uid in. Takes the whole values. */ -}}
{{- define "watcher-sidecar.transcriptFolder" -}}
{{- if include "watcher-sidecar.transcriptPerPod" . }}
  subPathExpr: $(DISCORD_POD_UID)
{{- end }}
{{- end -}}

{{- /* Where the transcript's volume is mounted, in the agent as in the watcher. Takes the whole values. */ -}}
{{- define "watcher-sidecar.transcriptDir" -}}
{{- $dir := trimSuffix "/" .agent.configDir -}}
{{- if eq .transcript.mount "config" }}{{ $dir }}{{ else }}{{ $dir }}/projects{{ end -}}
{{- end -}}
