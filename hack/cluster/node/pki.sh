# The node's certificates and kubeconfigs, made anew at each start: nothing of them outlives the node.
# Sourced after config.sh; call `make_pki`.
# shellcheck shell=bash

PKI=$NODE_DIR/pki

# ca NAME COMMON-NAME
ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$2" \
    -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature \
    -keyout "$PKI/$1.key" -out "$PKI/$1.crt" 2>>"$PKI/openssl.log"
}

# leaf NAME CA SUBJECT [SUBJECT-ALT-NAMES]
leaf() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$3" \
    -keyout "$PKI/$1.key" -out "$PKI/$1.csr" 2>>"$PKI/openssl.log"
  openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/$2.crt" -CAkey "$PKI/$2.key" -days 3650 -CAcreateserial \
    -extfile <(printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n%s\n' \
      "${4:+subjectAltName=$4}") -out "$PKI/$1.crt" 2>>"$PKI/openssl.log"
}

# kubeconfig FILE LEAF: self-contained, so that it can be copied.
kubeconfig() {
  cat >"$1" <<END
apiVersion: v1
kind: Config
clusters:
- name: node
  cluster:
    server: https://$NODE_IP:6443
    certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")
users:
- name: $2
  user:
    client-certificate-data: $(base64 -w0 "$PKI/$2.crt")
    client-key-data: $(base64 -w0 "$PKI/$2.key")
contexts:
- name: $NODE_NAME
  context: {cluster: node, user: $2}
current-context: $NODE_NAME
END
  chmod 600 "$1"
}

make_pki() {
  mkdir -p "$PKI"
  ca ca node-ca
  # The aggregator's clients need an authority of their own: Kubernetes 1.37 refuses to share it.
  ca front-proxy-ca node-front-proxy-ca
  leaf front-proxy front-proxy-ca /CN=front-proxy
  leaf apiserver ca /CN=kube-apiserver \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:localhost,IP:10.96.0.1,IP:$NODE_IP,IP:127.0.0.1"
  leaf admin ca /O=system:masters/CN=admin
  leaf controller-manager ca /CN=system:kube-controller-manager
  leaf scheduler ca /CN=system:kube-scheduler
  leaf kubelet ca "/O=system:nodes/CN=system:node:$NODE_NAME"
  leaf kube-proxy ca /CN=system:kube-proxy
  leaf coredns ca /CN=coredns
  leaf metrics-server ca /CN=metrics-server
  openssl ecparam -genkey -name prime256v1 -noout -out "$PKI/service-accounts.key"
  local name
  for name in controller-manager scheduler kubelet kube-proxy coredns metrics-server; do
    kubeconfig "$PKI/$name.kubeconfig" "$name"
  done
  kubeconfig "$KUBECONFIG_FILE" admin
}
