//! TLS between the processes of a cluster, and towards its clients. Source: Flink,
//! `SecurityOptions`; certificates are PEM files where Flink has Java keystores, so the keys of
//! files are our own.

use crate::option::options;
use crate::value::TlsServerName;

options! {
    /// Whether the processes of a cluster speak TLS with each other, and each shows the other a
    /// certificate. The same on all of them.
    SSL_INTERNAL_ENABLED: bool = "security.ssl.internal.enabled", default "false";

    /// PEM file with the certificate that a process shows to others of its cluster, behind it
    /// those between it and the CA, if there are any. One may do for all processes.
    SSL_INTERNAL_CERTIFICATE: Option<String> = "sandbar.ssl.internal.certificate";

    /// PEM file with the private key of that certificate, not encrypted.
    SSL_INTERNAL_PRIVATE_KEY: Option<String> = "sandbar.ssl.internal.private-key";

    /// PEM file with the CA that the certificates of the other processes are of. Whoever has a
    /// certificate of it takes part in the cluster, so let it be the cluster's own.
    SSL_INTERNAL_CA: Option<String> = "sandbar.ssl.internal.ca";

    /// Name that the certificates of all processes are for. One name for all lets them share a
    /// certificate, wherever they run. With `dialled-host`, a process that is dialled must have a
    /// certificate for the host name or address it is dialled at, and the name of one that dials
    /// is not looked at.
    SSL_INTERNAL_SERVER_NAME: TlsServerName = "sandbar.ssl.internal.server-name",
        default "sandbar";

    /// Whether the REST API is served over TLS (`https://`).
    SSL_REST_ENABLED: bool = "security.ssl.rest.enabled", default "false";

    /// Whether the REST API takes only clients that show a certificate of `sandbar.ssl.rest.ca`.
    SSL_REST_AUTHENTICATION_ENABLED: bool = "security.ssl.rest.authentication-enabled",
        default "false";

    /// PEM file with the certificate that the REST API shows to clients, for the host name that
    /// they use. If clients must show one, it is also theirs, where they read this configuration.
    SSL_REST_CERTIFICATE: Option<String> = "sandbar.ssl.rest.certificate";

    /// PEM file with the private key of that certificate, not encrypted.
    SSL_REST_PRIVATE_KEY: Option<String> = "sandbar.ssl.rest.private-key";

    /// PEM file with the CA by which clients know the REST API, and it them.
    SSL_REST_CA: Option<String> = "sandbar.ssl.rest.ca";
}
