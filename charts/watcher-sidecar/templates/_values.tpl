{{- /*
watcher-sidecar.values: the settings in force, as YAML (read it with fromYaml).
The library's own defaults lie beneath what the caller gives, and nothing of the caller's is changed.

Keys of the dict, the same for every define of this library:
  root      the caller's $; names the release and holds the library's defaults and global values
  values    a tree with the keys of this chart's values.yaml (in the umbrella: discord.monitoring)
  library   the alias of this dependency, when it has one; default watcher-sidecar
  complete  true when values is a whole tree, so that a value removed with null stays removed
*/ -}}
{{- define "watcher-sidecar.values" -}}
{{- $given := deepCopy (.values | default dict) -}}
{{- if .complete -}}
{{- toYaml $given -}}
{{- else -}}
{{- $library := include "watcher-sidecar.library" . | fromYaml -}}
{{- toYaml (mustMergeOverwrite (omit $library.values "global") $given) -}}
{{- end -}}
{{- end -}}

{{- /*
watcher-sidecar.library: this chart's own values and appVersion, as YAML. $.Chart would be the caller's.
Keys of the dict: root, library (see watcher-sidecar.values).
*/ -}}
{{- define "watcher-sidecar.library" -}}
{{- $name := .library | default "watcher-sidecar" -}}
{{- $chart := index (.root.Subcharts | default dict) $name -}}
{{- if not $chart -}}
{{- fail (printf "watcher-sidecar: chart %s has no dependency named %s; pass its alias as `library`" .root.Chart.Name $name) -}}
{{- end -}}
{{- toYaml (dict "values" $chart.Values "appVersion" $chart.Chart.AppVersion) -}}
{{- end -}}
