"""What a checker's process is given."""

from introml.grader.run.checker_process import _environment

GIVEN = {
    "PATH": "/usr/bin",
    "HOME": "/root",
    "CUDA_VISIBLE_DEVICES": "0",
    "INTROML_DATA": "/data",
    "PGO_LEVEL": "3",
}
KEPT_BACK = {
    "INTROML_SERVICE_URL": "http://127.0.0.1:1/services/course/",
    "INTROML_WORKER_TOKEN_FILE": "/course/worker.secret",
    "JUPYTERHUB_API_TOKEN": "t",
    "CONFIGPROXY_AUTH_TOKEN": "t",
    "PGPASSWORD": "t",
    "PGPASSFILE": "/root/.pgpass",
    "SLURM_JWT": "t",
    "GITHUB_TOKEN": "t",
    "AWS_SECRET_ACCESS_KEY": "t",
    "SSH_KEY": "t",
}


def test_no_credential_of_the_worker_reaches_the_checker(monkeypatch):
    for name, value in (GIVEN | KEPT_BACK).items():
        monkeypatch.setenv(name, value)
    given = _environment()
    assert not KEPT_BACK.keys() & given.keys()
    assert given.items() >= GIVEN.items()
