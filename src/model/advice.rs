//! What rules advise, by what is to hold. How it is written is said by the dialect, in its own words.

/// Something to write. A rule has neutral words for each; a dialect that can say it better does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Advice {
    /// Pass the client's `Upgrade` on.
    ForwardUpgrade,
    /// Send the connection option beside `Upgrade`.
    ForwardConnection,
    /// Send `Upgrade` only when the client did.
    UpgradeAsAsked,
    /// Compare the value of `Upgrade` without regard to case.
    IgnoreCase,
    /// Pass the name on that the client asked for.
    KeepHost,
    /// The same with its port.
    KeepHostPort,
    /// Speak HTTP/1.1 to the upstream.
    SpeakHttp11,
    /// Reach the upstream by a protocol that knows upgrades.
    CarryUpgrades,
    /// Keep handshakes out of the cache.
    PassCacheBy,
    /// Leave the upgrade out of the proxy's own requests.
    NoUpgradeInOwnRequests,
    /// Take a path with and without its last slash: `{bare}`, `{path}`.
    TakeBothSlashes,
    /// Write lines where a jump ends.
    WriteBehindJump,
    /// Let connections to the upstream live on.
    KeepConnections,
    /// Hand events on at once although answers are compressed.
    StreamUncompressed,
    /// Hand events on at once although the upstream is spoken to over HTTP/1.0.
    StreamUnbuffered,
    /// Give an answer to a preflight its lines.
    CompletePreflight,
    /// Answer a preflight before anything refuses it.
    AnswerPreflight,
    /// Send a line with errors of the upstream too.
    SendWithErrors,
    /// Send a line with the proxy's own answers too.
    SendWithOwnAnswers,
    /// Allow only origins that are named.
    NameOrigins,
    /// Keep inherited lines beside a list of one's own.
    KeepInherited,
    /// Take a line out of the upstream's answers: `{name}`.
    TakeOut,
    /// Say that an answer depends on the origin.
    SendVary,
    /// Write a condition that can hold.
    WriteCondition,
    /// Write a path that begins with a slash, or a pattern.
    WritePath,
    /// Write a pattern where a variable was meant.
    WritePattern,
}

/// The words of a dialect: none where the neutral ones do.
#[derive(Clone, Copy)]
pub struct Words(pub fn(Advice) -> Option<&'static str>);

impl Default for Words {
    fn default() -> Self {
        Self(|_| None)
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words")
    }
}
