//! Every recorded configuration that the real proxy accepts is still accepted after all corrections.

use super::proxies::{self, Installed};
use hoplint::{
    config::{Settings, parse_route},
    fix::{Room, mend},
    proxy::{Reading, dialect},
    source::Files,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// How many were accepted before, and how many of those were changed.
///
/// # Errors
/// What is refused now.
pub(crate) fn run(proxy: &dyn Installed, cases: &Path) -> Result<(usize, usize), String> {
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    copy(cases, scratch.path()).map_err(|e| e.to_string())?;
    let mut mains: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(scratch.path()).map_err(|e| e.to_string())? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let inner = ["nginx.conf", "haproxy.cfg", "envoy.yaml"].iter().map(|n| path.join(n)).find(|p| p.exists());
        if let Some(main) = inner {
            mains.push(main);
        } else if path.extension().is_some_and(|e| e == "conf" || e == "cfg" || e == "yaml") {
            mains.push(path);
        }
    }
    mains.sort();
    let (mut accepted, mut changed) = (0, 0);
    for main in &mains {
        let staged = proxies::Staged { main: main.clone(), listeners: Vec::new() };
        let Ok(said) = proxies::run(&mut proxy.check(&staged)) else { continue };
        if !said.accepted {
            continue;
        }
        accepted += 1;
        let mut files = Files::new();
        let id = files.read(main.to_str().unwrap()).map_err(|e| e.to_string())?;
        let settings = Settings { heartbeat: Some(120_000), routes: vec![parse_route("/ws/=websocket").unwrap()], ..Settings::default() };
        let room = Room { dialect: dialect(proxy.dialect()).unwrap(), given: vec![id], reading: Reading::default(), settings, only: None };
        let mended = mend(&room, &files, &|_| Ok(()), true).ok_or("too large")?;
        for id in &mended.changed {
            let file = mended.files.map().file(*id);
            fs::write(mended.files.on_disk(*id).unwrap(), file.bytes()).map_err(|e| e.to_string())?;
        }
        if mended.changed.is_empty() {
            continue;
        }
        changed += 1;
        let said = proxies::run(&mut proxy.check(&staged))?;
        if !said.accepted {
            return Err(format!("{} is refused after its corrections: {}\n{:?}", main.display(), said.text, mended.applied));
        }
    }
    Ok((accepted, changed))
}

pub(crate) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
