"""How repos, files, refs and commits look as JSON."""

MODEL_KEYS = frozenset(
    "author baseModels cardData childrenModelCount config createdAt disabled downloads downloadsAllTime evalResults "
    "gated gguf gitalyUid inference inferenceProviderMapping lastModified library_name likes mask_token model-index "
    "pipeline_tag private resourceGroup safetensors sha siblings spaces tags transformersInfo trendingScore "
    "usedStorage widgetData xetEnabled".split()
)
DATASET_KEYS = frozenset(
    "author cardData citation createdAt description disabled downloads downloadsAllTime gated lastModified likes "
    "paperswithcode_id private resourceGroup sha siblings tags trendingScore usedStorage xetEnabled gitalyUid".split()
)
EXPAND_KEYS = {"model": MODEL_KEYS, "dataset": DATASET_KEYS, "space": DATASET_KEYS | {"models", "sdk", "runtime"}}
_SEARCH_KEYS = "likes trendingScore private downloads tags pipeline_tag library_name createdAt".split()
_FULL_KEYS = "author sha lastModified gated disabled".split()


def _sibling(entry, blobs):
    shown = {"rfilename": entry.path}
    if blobs:
        shown |= {"size": entry.size, "blobId": entry.oid}
        if entry.lfs:
            shown["lfs"] = {"sha256": entry.content.sha256, "size": entry.size, "pointerSize": entry.pointer.size}
    return shown


def _value(repo, commit, key, blobs=False):
    """One fact of a repo, or None when it does not have it."""
    simple = {
        "author": repo.author,
        "createdAt": repo.created,
        "disabled": repo.disabled,
        "downloads": repo.downloads,
        "downloadsAllTime": repo.downloads * 10,
        "gated": repo.gated,
        "likes": repo.likes,
        "private": repo.private,
        "tags": repo.labels,
        "trendingScore": repo.likes // 10,
        "cardData": repo.card,
        "pipeline_tag": repo.pipeline or None,
        "library_name": repo.library or None,
        "xetEnabled": False,
        "spaces": [],
        "config": {},
        "baseModels": None,
    }
    if key in simple:
        return simple[key]
    if key in repo.facts:
        return repo.facts[key]
    if commit:
        if key == "sha":
            return commit.id
        if key == "lastModified":
            return commit.date
        if key == "siblings":
            return [_sibling(entry, blobs) for entry in sorted(commit.entries.values(), key=lambda e: e.path)]
        if key == "usedStorage":
            return sum(entry.size for entry in commit.entries.values())
    return None


def _present(repo, commit, keys, blobs=False):
    values = {key: _value(repo, commit, key, blobs) for key in keys}
    return {key: value for key, value in values.items() if value is not None}


def _head(repo):
    return {"_id": repo.internal_id, "id": repo.id}


def info(repo, commit, blobs=False, security=False):
    """The whole of model or dataset info."""
    keys = "author sha lastModified createdAt private gated disabled downloads likes tags cardData usedStorage".split()
    if repo.type == "model":
        keys += "pipeline_tag library_name config spaces gguf safetensors".split()
    shown = _head(repo) | ({"modelId": repo.id} if repo.type == "model" else {})
    shown |= _present(repo, commit, [*keys, "siblings"], blobs)
    if security:
        shown["securityRepoStatus"] = {"scansDone": True, "filesWithIssues": []}
    return shown


def expanded(repo, commit, keys):
    """Only the ids and what was asked for."""
    return _head(repo) | _present(repo, commit, keys)


def found(repo, commit, full, extra):
    """One row of a search."""
    shown = _head(repo) | ({"modelId": repo.id} if repo.type == "model" else {})
    shown |= _present(repo, commit, _SEARCH_KEYS)
    if full:
        shown |= _present(repo, commit, [*_FULL_KEYS, "siblings"])
    return shown | _present(repo, commit, extra)


def tree_entry(item, commit, expand):
    """One entry of a tree listing: a file (`Entry`) or a directory (its path)."""
    if isinstance(item, str):
        shown = {"type": "directory", "oid": commit.directories[item], "size": 0, "path": item}
    else:
        shown = {"type": "file", "oid": item.oid, "size": item.size, "path": item.path}
        if item.lfs:
            shown["lfs"] = {"oid": item.content.sha256, "size": item.size, "pointerSize": item.pointer.size}
    if expand:
        shown["lastCommit"] = {"id": commit.id, "title": commit.title, "date": commit.date}
        if not isinstance(item, str):
            shown["securityFileStatus"] = {"status": "safe"}
    return shown


def refs(repo, pull_requests, tip):
    """All refs; `tip` gives the commit of a branch."""
    shown = {
        "branches": [
            {"name": name, "ref": f"refs/heads/{name}", "targetCommit": tip(name).id} for name in repo.branches
        ],
        "converts": [
            {"name": name, "ref": f"refs/convert/{name}", "targetCommit": c.id} for name, c in repo.converts.items()
        ],
        "tags": [{"name": name, "ref": f"refs/tags/{name}", "targetCommit": c.id} for name, c in repo.tags.items()],
    }
    if pull_requests:
        shown["pullRequests"] = [
            {"name": name, "ref": f"refs/pr/{name}", "targetCommit": c.id} for name, c in repo.pull_requests.items()
        ]
    return shown


def commit_row(commit, formatted):
    """One row of the history."""
    shown = {
        "id": commit.id,
        "title": commit.title,
        "message": "",
        "date": commit.date,
        "authors": [{"user": "acme", "avatar": "/avatars/acme.svg"}],
    }
    if formatted:
        shown["formatted"] = {"title": commit.title, "message": ""}
    return shown


def account(name, role):
    """The reply of whoami-v2."""
    return {
        "type": "user",
        "id": "6500000000000000000000aa",
        "name": name,
        "fullname": name.title(),
        "email": f"{name}@example.invalid",
        "emailVerified": True,
        "isPro": False,
        "orgs": [{"type": "org", "id": "6500000000000000000000ab", "name": "acme", "roleInOrg": "read"}],
        "auth": {
            "type": "access_token",
            "accessToken": {"displayName": "stand-in", "role": role, "createdAt": "2026-01-01T00:00:00.000Z"},
        },
    }
