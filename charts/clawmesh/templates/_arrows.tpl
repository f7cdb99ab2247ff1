{{/* Who calls whom over gRPC, besides everybody identity and the edge everybody (docs/architecture.md). */}}
{{- define "clawmesh.arrows" -}}
agents: [channels, memory, providers, tools, traces]
channels: [agents]
memory: [agents, providers]
providers: [traces]
tools: [agents, memory, providers]
traces: [agents, memory]
{{- end -}}

{{/* Services that a target calls, between spaces: (list root target). */}}
{{- define "clawmesh.callees" -}}
{{- $root := index . 0 -}}
{{- $target := index . 1 -}}
{{- if eq $target "gateway" -}}
{{ include "clawmesh.services" $root }}
{{- else if eq $target "all" -}}
{{- else -}}
{{- $arrows := include "clawmesh.arrows" $root | fromYaml -}}
{{ without (append (index $arrows $target | default list) "identity") $target | join " " }}
{{- end -}}
{{- end -}}

{{/* One egress rule out of {to, ports}. */}}
{{- define "clawmesh.egressTo" -}}
- ports:
    {{- range .ports }}
    - { port: {{ . }}, protocol: TCP }
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
