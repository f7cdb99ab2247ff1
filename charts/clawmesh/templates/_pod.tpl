{{/* What every pod of the chart shares, tests and Jobs too: (list root pod). */}}
{{- define "clawmesh.podBasics" -}}
{{- $root := index . 0 -}}
{{- $pod := index . 1 -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml $pod.podSecurityContext | nindent 2 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $pod.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with $pod.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* One probe: (list times path port). */}}
{{- define "clawmesh.probe" -}}
httpGet:
  path: {{ index . 1 }}
  port: http
{{ toYaml (index . 0) }}
{{- end -}}

{{/* spec.template of a target's Deployment: (list root target). */}}
{{- define "clawmesh.podTemplate" -}}
{{- $root := index . 0 -}}
{{- $target := index . 1 -}}
{{- $pod := include "clawmesh.target" . | fromYaml -}}
{{- $env := include "clawmesh.env" (list $root $target $pod.settings) | fromYaml -}}
{{- if has $target (list "gateway" "all") -}}
{{- if not (hasKey $env "CLAWMESH_GATEWAY_REPLICAS") -}}
{{- $replicas := $pod.replicaCount -}}
{{- if $pod.autoscaling.enabled }}{{ $replicas = $pod.autoscaling.maxReplicas }}{{ else if $pod.keda.enabled }}{{ $replicas = $pod.keda.maxReplicas }}{{ end -}}
{{- $_ := set $env "CLAWMESH_GATEWAY_REPLICAS" (dict "value" (toString (int $replicas))) -}}
{{- end -}}
{{- end -}}
metadata:
  labels:
    {{- include "clawmesh.labels" . | nindent 4 }}
    {{- with $pod.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: clawmesh
    {{- /* Pods are replaced when a value of theirs changes that they read at their start only. */}}
    checksum/secrets: {{ list $root.Values.secrets $root.Values.database $root.Values.nats.url $root.Values.redis.url $root.Values.bundled.password | toJson | sha256sum }}
    {{- with mergeOverwrite (deepCopy $root.Values.commonAnnotations) $pod.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "clawmesh.podBasics" (list $root $pod) | nindent 2 }}
  serviceAccountName: {{ include "clawmesh.serviceAccountName" . }}
  terminationGracePeriodSeconds: {{ $pod.terminationGracePeriodSeconds | default (add 20 (div (add (int64 $pod.settings.CLAWMESH_LAME_DUCK_MS) (int64 $pod.settings.CLAWMESH_DRAIN_TIMEOUT_MS) 999) 1000)) }}
  affinity:
    {{- if $pod.affinity }}
    {{- toYaml $pod.affinity | nindent 4 }}
    {{- else }}
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "clawmesh.selector" . | nindent 16 }}
    {{- end }}
  {{- if $pod.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml $pod.topologySpreadConstraints | nindent 4 }}
  {{- else if $pod.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: {{ $pod.topologySpread.whenUnsatisfiable }}
      labelSelector:
        matchLabels:
          {{- include "clawmesh.selector" (list $root $target) | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- with $pod.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: clawmesh
      image: {{ include "clawmesh.image" (list $root $pod.image) }}
      imagePullPolicy: {{ (index $root.Values.images $pod.image).pullPolicy }}
      args: [start, --target, {{ $target }}]
      env:
        {{- include "clawmesh.envList" (list $env $pod.extraEnv) | nindent 8 }}
      {{- with $pod.extraEnvFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - { name: http, containerPort: 8080 }
        {{- if not (has $target (list "gateway" "all")) }}
        - { name: grpc, containerPort: 9090 }
        {{- else }}
        - { name: edge, containerPort: {{ $pod.settings.GOCLAW_PORT | default 18790 }} }
        {{- end }}
      startupProbe:
        {{- include "clawmesh.probe" (list $pod.probes.startup "/livez") | nindent 8 }}
      readinessProbe:
        {{- include "clawmesh.probe" (list $pod.probes.readiness "/readyz") | nindent 8 }}
      livenessProbe:
        {{- include "clawmesh.probe" (list $pod.probes.liveness "/livez") | nindent 8 }}
      resources:
        {{- toYaml $pod.resources | nindent 8 }}
      securityContext:
        {{- toYaml $pod.securityContext | nindent 8 }}
      volumeMounts:
        - { name: data, mountPath: /var/lib/clawmesh }
        - { name: tmp, mountPath: /tmp }
        {{- if $root.Values.config }}
        - { name: config, mountPath: /etc/clawmesh, readOnly: true }
        {{- end }}
        {{- if include "clawmesh.meshTlsSecret" $root }}
        - { name: mesh-tls, mountPath: /etc/clawmesh-tls, readOnly: true }
        {{- end }}
        {{- with $pod.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with $pod.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    - name: tmp
      emptyDir: { sizeLimit: {{ $pod.tmpSize }} }
    - name: data
      {{- if $pod.persistence.enabled }}
      persistentVolumeClaim: { claimName: {{ $pod.persistence.existingClaim | default (include "clawmesh.serviceName" .) }} }
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- if $root.Values.config }}
    - name: config
      configMap: { name: {{ include "clawmesh.fullname" $root }} }
    {{- end }}
    {{- with include "clawmesh.meshTlsSecret" $root }}
    - name: mesh-tls
      secret: { secretName: {{ . }}, defaultMode: 0440 }
    {{- end }}
    {{- with $pod.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
