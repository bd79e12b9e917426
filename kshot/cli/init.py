"""`kshot init`: start a project."""

from __future__ import annotations

from pathlib import Path

import click

from kshot.project import PROJECT_FILE, Project


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option("--name", help="Name of the project. [default: the folder's name]")
@click.option("--source", help='Classes to train on, such as "folder:photos".')
@click.option("--force", is_flag=True, help="Replace a project file that is there already.")
def init(folder: Path, name: str | None, source: str | None, force: bool) -> None:
    """Write a commented kshot.toml into FOLDER."""
    from kshot.project_template import project_text

    path = folder / PROJECT_FILE
    if path.exists() and not force:
        raise click.ClickException(f"{path} exists; --force replaces it")
    project = Project(root=folder).with_values("project", {"name": name or folder.resolve().name})
    if source:
        project = project.with_values("data", {"source": source, "test_source": ""})
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(project_text(project), encoding="utf-8")
    click.echo(f"wrote {path}; next: kshot train -p {path}" if folder != Path() else f"wrote {path}; next: kshot train")
