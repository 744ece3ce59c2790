{{- /* The Pod of the agent with its watcher. A Pod that ends by itself takes the watcher as a native sidecar, last of
the init containers, so that it does not keep the Pod alive. Takes the root. */ -}}
{{- define "own-chart.pod" -}}
{{- $sidecar := dict "root" . "values" (index .Values "watcher-sidecar") "native" .Values.job "transcript" true -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  {{- include "watcher-sidecar.podSecurity" $sidecar | nindent 2 }}
{{- if .Values.job }}
restartPolicy: Never
initContainers:
  - {{ include "watcher-sidecar.container" $sidecar | nindent 4 | trim }}
{{- end }}
containers:
  - name: agent
    image: {{ .Values.agent.image | quote }}
    imagePullPolicy: IfNotPresent
    {{- with .Values.agent.args }}
    args:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    env:
      - {name: CLAUDE_CONFIG_DIR, value: /home/node/.claude}
    resources:
      requests: {cpu: 10m, memory: 32Mi}
      limits: {memory: 128Mi}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities: {drop: [ALL]}
    volumeMounts:
      {{- include "watcher-sidecar.transcriptMount" $sidecar | nindent 6 }}
  {{- if not .Values.job }}
  - {{ include "watcher-sidecar.container" $sidecar | nindent 4 | trim }}
  {{- end }}
volumes:
  {{- include "watcher-sidecar.volumes" $sidecar | nindent 2 }}
  {{- include "watcher-sidecar.transcriptVolume" $sidecar | nindent 2 }}
{{- end -}}
