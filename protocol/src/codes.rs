//! The codes of everything that an operator can act on. Each has a page in `docs/errors/`,
//! printed by `tollgate explain`.

/// An operator code with the page that explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// As printed: `TG0007`.
    pub code: &'static str,
    /// What happened, in a few words.
    pub title: &'static str,
    /// The whole page, Markdown.
    pub page: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $title:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: Code = Code {
                code: $code,
                title: $title,
                page: include_str!(concat!("../../docs/errors/", $code, ".md")),
            };
        )*
        /// Every code there is, in order.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    /// An address could not be bound.
    BIND = "TG0001", "an address could not be bound";
    /// Another process uses the data directory.
    DATA_DIR_IN_USE = "TG0002", "the data directory is in use";
    /// The data directory is corrupted or truncated.
    DATA_DIR_CORRUPT = "TG0003", "the data directory is damaged";
    /// The data directory was written by a newer release.
    DATA_DIR_NEWER = "TG0004", "the data directory is newer than this release";
    /// The data directory cannot be read or written.
    DATA_DIR_IO = "TG0005", "the data directory cannot be read or written";
    /// A configuration value is not usable.
    NODE_CONFIG = "TG0006", "the node's configuration is not usable";
    /// The API file is not usable.
    API_FILE = "TG0007", "the API file is not usable";
    /// A certificate or private key is not usable.
    CERTIFICATE = "TG0008", "a certificate or private key is not usable";
    /// The admin listener cannot be reached.
    ADMIN_UNREACHABLE = "TG0009", "the node's admin listener cannot be reached";
    /// The admin listener refused the credentials.
    ADMIN_DENIED = "TG0010", "the node refused the credentials";
    /// A function does not start.
    FUNCTION_INIT = "TG0011", "a function does not start";
    /// The disk failed while the node ran.
    STORE_FAILED = "TG0012", "the node stopped because its disk failed";
    /// A second signal ended the drain.
    DRAIN_CUT_SHORT = "TG0013", "the drain was cut short";
    /// The node could not join the cluster.
    JOIN = "TG0014", "the node could not join the cluster";
    /// The data directory has a certificate and no log.
    LOG_LOST = "TG0015", "the data directory lost its log";
    /// The cluster does not take this node.
    REMOVED = "TG0016", "the node does not belong to the cluster any more";
    /// `tollgate leave` did not come to its end.
    NOT_LEFT = "TG0017", "the node stopped and is still a member of the cluster";
    /// A backup file cannot be restored.
    BACKUP = "TG0018", "the backup cannot be used";
    /// A data directory cannot be restored into or recovered, or is half way through it.
    SUCCESSION = "TG0019", "the data directory cannot go on as a new cluster";
    /// The release does not fit the level that the cluster works at.
    FEATURE_LEVEL = "TG0020", "the release does not fit the cluster's feature level";
}

/// The code of this name (`TG0007`, any case), if there is one.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    ALL.iter().find(|c| c.code.eq_ignore_ascii_case(code))
}
